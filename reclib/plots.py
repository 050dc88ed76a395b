"""The book's figures: one style, colours that the colour-blind can tell apart."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

COLOURS = sns.color_palette("colorblind")


def use_style() -> None:
    """Set the book's style for every figure that follows.

    Examples
    --------
    >>> use_style()
    """
    sns.set_theme(style="whitegrid", context="notebook", palette="colorblind", font_scale=0.9)
    plt.rcParams.update(
        {
            "figure.figsize": (6.4, 3.6),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
        }
    )


def long_tail(counts: np.ndarray, ax: Axes | None = None, what: str = "items") -> Axes:
    """Number of ratings of each user or item, most active first, on log axes.

    Examples
    --------
    >>> ax = long_tail(np.array([100, 3, 20]), what="films")
    >>> ax.get_xlabel()
    'rank among films'
    """
    ax = ax or plt.subplots()[1]
    ax.loglog(np.arange(1, len(counts) + 1), np.sort(counts)[::-1], color=COLOURS[0])
    ax.set(xlabel=f"rank among {what}", ylabel="ratings")
    return ax


def curve(table: pd.DataFrame, x: np.ndarray, ax: Axes | None = None, label: str = "") -> Axes:
    """Measured means with their intervals over ``x``, from a table of ``reclib.evidence``.

    Examples
    --------
    >>> table = pd.DataFrame({"measured": [0.8, 0.9], "low": [0.7, 0.8], "high": [0.9, 1.0]})
    >>> ax = curve(table, np.array([1, 2]), label="EASE")
    >>> len(ax.containers)
    1
    """
    ax = ax or plt.subplots()[1]
    below, above = table["measured"] - table["low"], table["high"] - table["measured"]
    ax.errorbar(x, table["measured"], yerr=[below, above], marker="o", capsize=3, label=label)
    return ax


def published_and_measured(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """One line a row of a table of ``reclib.evidence``: the published value and ours ± interval.

    Examples
    --------
    >>> table = pd.DataFrame({"measured": [0.8, 0.9], "low": [0.7, 0.8], "high": [0.9, 1.0]})
    >>> ax = published_and_measured(table.assign(published=[0.85, 0.95]))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['published', 'measured']
    """
    ax = ax or plt.subplots()[1]
    y = np.arange(len(table))[::-1]
    spread = [table["measured"] - table["low"], table["high"] - table["measured"]]
    ax.errorbar(table["measured"], y, xerr=spread, fmt="o", capsize=3, label="measured")
    ax.scatter(table["published"].astype(float), y, marker="D", color=COLOURS[1], label="published")
    ax.set_yticks(y, table.index)
    ax.legend()
    return ax

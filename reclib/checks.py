"""What an argument may be, said in one sentence when it is something else."""

from __future__ import annotations

import math
import numbers


def whole(name: str, value: object, *, low: int = 1, high: float = math.inf) -> int:
    """``value`` as an int, if it is a whole number from ``low`` to ``high``.

    NumPy's whole numbers count, True and False do not.

    Raises
    ------
    TypeError
        If it is no whole number.
    ValueError
        If it lies outside the range.

    Examples
    --------
    >>> whole("epochs", 3)
    3
    >>> whole("epochs", 0)
    Traceback (most recent call last):
    ValueError: epochs must be at least 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be {_between(low, high)}, got {value}")
    return int(value)


def number(
    name: str,
    value: object,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """``value`` as a float, if it is finite and in the range.

    ``low`` and ``high`` may be reached, ``above`` and ``below`` may not.

    Raises
    ------
    TypeError
        If it is no real number.
    ValueError
        If it is NaN, infinite, or outside the range.

    Examples
    --------
    >>> number("l2", 0.5, above=0)
    0.5
    >>> number("dropout", 1, low=0, below=1)
    Traceback (most recent call last):
    ValueError: dropout must be at least 0 and below 1, got 1
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    if not (low <= value <= high and above < value < below):
        raise ValueError(f"{name} must be {_between(low, high, above, below)}, got {value:g}")
    return float(value)


def fraction(name: str, value: object) -> float:
    """``value`` as a float between 0 and 1, both excluded; errors as for :func:`number`."""
    value = number(name, value)
    if not 0 < value < 1:
        raise ValueError(f"{name} must be a fraction between 0 and 1, got {value:g}")
    return value


def scale(name: str, value: object) -> tuple[float, float]:
    """A lowest and a highest rating; ValueError unless they are two finite numbers in order."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be (lowest, highest), got {value!r}")
    low, high = number(f"{name}[0]", value[0]), number(f"{name}[1]", value[1])
    if low > high:
        raise ValueError(f"{name} must be (lowest, highest), got {low:g} above {high:g}")
    return low, high


def _between(low: float, high: float, above: float = -math.inf, below: float = math.inf) -> str:
    """The range in words: "at least 0 and below 1"."""
    if math.isfinite(low) and math.isfinite(high):
        return f"between {low:g} and {high:g}"
    bounds = {"at least": low, "above": above, "at most": high, "below": below}
    return " and ".join(f"{word} {b:g}" for word, b in bounds.items() if math.isfinite(b))

"""What to say when somebody names a thing that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """The sentence for an unknown name: what there is, and what was probably meant.

    ``kind`` says what is named, ``"data set"`` say. Capitals, spaces and underscores make no
    difference to the guess, so ``ease`` finds EASE and ``ml1m`` finds ml-1m; without anything
    near there is no guess.

    Examples
    --------
    >>> unknown("model", "Eaze", ["EASE", "SLIM"])
    "no model 'Eaze'; there are: EASE, SLIM; did you mean 'EASE'?"
    """
    known = [str(each) for each in known]
    text = f"no {kind} {name!r}; there are: {', '.join(known) or 'none'}"
    nearest = get_close_matches(_folded(name), map(_folded, known), n=1)
    meant = [each for each in known if _folded(each) in nearest]
    return f"{text}; did you mean {meant[0]!r}?" if meant else text


def _folded(name: object) -> str:
    return str(name).casefold().replace("_", "-").replace(" ", "-")

"""Data augmentation in latent space: Steiner (2023), sections IV-A and IV-D.

Rows are encoded by a trained autoencoder, noise is added to some of their latent
features, and what the decoder makes of them joins the training set as new rows. A
decoded row is dense: it has a "rating" in every column, and all of them are the
teacher's own predictions.

Examples
--------
>>> import torch
>>> from reclib.augmentation import latent_noise
>>> noise = latent_noise((2, 4), 0.1, 0.5, "gaussian", torch.Generator().manual_seed(0))
>>> noise.shape
torch.Size([2, 4])
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import scipy.sparse
import torch
from torch import Tensor

from reclib.interactions import Interactions
from reclib.models.deepae import DeepAutoencoder
from reclib.naming import unknown

NOISE = ("gaussian", "uniform")
CELLS = ("all", "observed", "copies")


@torch.no_grad()
def augment(
    train: Interactions,
    teacher: DeepAutoencoder,
    *,
    fraction: float = 0.1,
    std: float = 0.1,
    features: float = 0.5,
    noise: Literal["gaussian", "uniform"] = "gaussian",
    cells: Literal["all", "observed", "copies"] = "all",
    seed: int = 0,
) -> Interactions:
    """``train`` followed by ``floor(fraction * rows)`` new rows, made from rows drawn at random.

    Parameters
    ----------
    teacher : DeepAutoencoder
        A trained one; its dropout is off.
    fraction : float
        New rows as a part of the rows there are, c in the report.
    std : float
        Standard deviation of the noise; for ``"uniform"`` the noise lies in ``[0, std)``,
        as in the report's public notebook, and its mean is ``std / 2``.
    features : float
        Each latent feature of each new row is made noisy with this probability.
    cells : str
        What a new row holds: ``"all"`` columns (the report), the columns its original had
        ``"observed"`` with the teacher's values, or ``"copies"`` of the original ratings,
        the control without teacher and noise.

    Raises
    ------
    TypeError
        If ``train`` is no Interactions, or ``teacher`` no DeepAutoencoder where one is needed.
    ValueError
        If a number lies outside of its range, a name is unknown, or the teacher is not fitted.

    Examples
    --------
    >>> from reclib import training
    >>> train = Interactions.from_coo([0, 0, 1, 1], [0, 1, 1, 2], [5, 3, 4, 2], shape=(2, 3))
    >>> teacher = DeepAutoencoder(hidden=(4, 2))
    >>> history = training.fit(teacher, train, epochs=1, device="cpu")
    >>> augment(train, teacher, fraction=0.5)
    Interactions(3 x 3, 7 entries, density 77.778%, cpu)
    >>> augment(train, teacher, fraction=0.5, cells="copies").nnz
    6
    """
    if not isinstance(train, Interactions):
        raise TypeError(f"train must be Interactions, got {type(train).__name__}")
    if not 0 <= fraction <= 1 or not 0 <= features <= 1:
        raise ValueError(f"fraction and features lie in [0, 1], got {fraction} and {features}")
    if not 0 <= std < math.inf:
        raise ValueError(f"std must be a finite number, at least 0, got {std}")
    for kind, name, known in (("noise", noise, NOISE), ("cells", cells, CELLS)):
        if name not in known:
            raise ValueError(unknown(kind, name, known))
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(train.num_rows, generator=generator)
    rows = train.rows(chosen[: math.floor(_decimal(fraction) * train.num_rows)])
    if cells == "copies" or not rows.num_rows:
        return stack(train, rows)
    if not isinstance(teacher, DeepAutoencoder):
        raise TypeError(f"teacher must be a DeepAutoencoder, got {type(teacher).__name__}")
    if not teacher.num_parameters:
        raise ValueError("teacher is not fitted; `training.fit` does that")
    teacher.eval()
    z = teacher.encode(rows)
    z = z + latent_noise(z.shape, std, features, noise, generator).to(z.device)
    if cells == "observed":
        return stack(train, rows.with_values(teacher.decode_at(z, rows)))
    dense = teacher.decode(z).cpu().numpy()
    filled = scipy.sparse.csr_array(dense)
    return stack(train, Interactions.from_scipy(filled).to(train.device))


def latent_noise(
    shape: tuple[int, int], std: float, features: float, noise: str, generator: torch.Generator
) -> Tensor:
    """Noise on a random part of the features of each row, float32 of ``shape``, on the CPU."""
    noisy = torch.rand(shape, generator=generator) < features
    draw = torch.randn if noise == "gaussian" else torch.rand
    return std * draw(shape, generator=generator) * noisy


def stack(above: Interactions, below: Interactions) -> Interactions:
    """The rows of one matrix, then those of another, on the device of the first.

    Examples
    --------
    >>> one = Interactions.from_coo([0], [1], shape=(1, 3))
    >>> stack(one, one).dense()
    tensor([[0., 1., 0.],
            [0., 1., 0.]])
    """
    both = scipy.sparse.vstack([above.scipy(), below.scipy()], format="csr")
    return Interactions.from_scipy(both).to(above.device)


def equal_update_batch(rows: int, batch: int, fraction: float) -> int:
    """The report's batch size for the extended data, ``ceil((1 + c) n / ceil(n / b))``.

    It was meant to give as many updates an epoch as ``batch`` gives without augmentation.
    It does not always: see :func:`equal_update_batches`.

    Examples
    --------
    >>> equal_update_batch(rows=743, batch=128, fraction=0.1)
    137
    """
    return math.ceil((1 + _decimal(fraction)) * rows / _ceil_div(rows, batch))


def equal_update_batches(rows: int, batch: int, new_rows: int) -> range:
    """All batch sizes for which ``rows + new_rows`` give as many updates as ``rows`` did.

    With ``B = ceil(rows / batch)`` and ``m = rows + new_rows`` these are the integers in
    ``[m / B, m / (B - 1))``, or from ``m`` on if ``B = 1``. The range may be empty: then no
    batch size will do. (For ``B = 1`` its only entry is ``m``, the smallest.)

    Examples
    --------
    >>> equal_update_batches(rows=743, batch=128, new_rows=74)
    range(137, 164)
    """
    updates, total = _ceil_div(rows, batch), rows + new_rows
    if updates == 1:
        return range(total, total + 1)
    return range(_ceil_div(total, updates), _ceil_div(total, updates - 1))


def _decimal(number: float) -> Fraction:
    """The number as it is written, .1 as a tenth: its float is a little more, or less."""
    return Fraction(str(float(number)))


def _ceil_div(a: int, b: int) -> int:
    """The ceiling of a / b, in integers."""
    return -(-a // b)

"""A model as one ONNX file, for programs that know neither Python nor torch."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

import reclib
from reclib.encoding import write_labels
from reclib.interactions import Interactions
from reclib.models import Recommender
from reclib.models.guards import NotFittedError

ONE_FILE = 1_900_000_000  # bytes; the format ends at 2 GiB, then the weights need a file beside

# Models that score by more than dense operations on the row that is given.
OTHERWISE = {
    "BiasedMF": "it solves a regression for each user",
    "Biases": "it solves for the bias of each user",
    "IALS": "it solves a regression for each user",
    "InfiniteAE": "it compares a row with those of all training users, who would be in the file",
    "RatingKNN": "it looks for the nearest of the items that a user rated",
    "SVAE": "it reads the items in their order",
}


def to_onnx(model: Recommender, path: str | Path) -> Path:
    """Write the scoring of a fitted model as ONNX, to be run with onnxruntime or another engine.

    The input ``ratings``, float32 [batch, items], holds the rows of users, 0 where there is
    nothing; of a model that reads events every other number is one. The output ``scores``,
    float32 [batch, items], is what ``model.score`` says, to about 1e-5. The file's metadata names
    ``model``, ``reclib``, the ``fingerprint`` of the training matrix and, in ``items``, the
    identifiers and titles of the columns as JSON, as ``vocabulary.json`` of
    :func:`reclib.persistence.save` has them.

    Weights of more than 1.9 gigabytes are put into a second file beside, ``<path>.data``. Sparse
    weights become dense: of :class:`~reclib.models.ItemKNN` ``4 num_items^2`` bytes.

    Parameters
    ----------
    model : Recommender
        One whose score is dense operations on a user's row, of ``reclib.models`` or your own.
    path : path
        Overwritten.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError
        If ``model`` is no recommender, reads the columns of items, or scores by other means.
    ValueError
        If it is not fitted, or was fitted to stored zeros, which a dense row cannot tell from
        what is missing.
    ImportError
        Without the packages onnx and onnxscript.
    """
    _can_be_exported(model)
    try:
        import onnx
        import onnxscript  # noqa: F401, torch's exporter asks for both
    except ImportError as error:
        raise ImportError(
            f"to_onnx needs the packages onnx and onnxscript ({error}); pip install reclib[onnx]"
        ) from error
    home, network = model.device, _Dense(model)
    model.to("cpu")
    try:
        sample = _sample(model.train_matrix.num_cols)
        _must_agree(model, network, sample)
        with _quiet():
            program = torch.onnx.export(
                network,
                (sample.dense(),),
                input_names=["ratings"],
                output_names=["scores"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                dynamo=True,
                verbose=False,
            )
    finally:
        model.to(home or "cpu")
    written = program.model
    ends = [*written.graph.inputs, *written.graph.outputs]
    if any(isinstance(end.shape[0], int) for end in ends):
        raise TypeError(
            f"{type(model).__name__} cannot be written as ONNX: its score is not made for any "
            "number of rows; len(tensor) in it is one number, tensor.shape[0] is not"
        )
    for node in written.graph:
        node.metadata_props.clear()  # it names the files of whoever writes
    written.metadata_props.update(
        {
            "model": type(model).__name__,
            "reclib": reclib.__version__,
            "fingerprint": model.train_matrix.fingerprint(),
            "items": json.dumps(write_labels(model.item_labels), ensure_ascii=False),
        }
    )
    path = Path(path)
    size = sum(value.const_value.nbytes for value in written.graph.initializers.values())
    program.save(path, external_data=size > ONE_FILE)
    onnx.checker.check_model(path)
    return path


def _can_be_exported(model: Recommender) -> None:
    """The errors of :func:`to_onnx` that can be told before trying."""
    name = type(model).__name__
    if not isinstance(model, Recommender):
        raise TypeError(f"model must be a Recommender, got {name}")
    if model.train_matrix is None:
        raise NotFittedError(f"this {name} is not fitted; training.fit(model, train) does that")
    why = OTHERWISE.get(name)
    if getattr(model, "user_node", False):
        why = "it looks for the node of the user; with user_node=False it does not"
    if model.rows == "items":
        why = "it reads the column of an item, not the row of a user"
    if why:
        raise TypeError(f"{name} cannot be written as ONNX: {why}")
    if (model.train_matrix.values == 0).any():
        raise ValueError(
            f"this {name} was fitted to stored zeros, which in the dense rows of ONNX are missing; "
            "fit it to other values"
        )


class _DenseRows(Interactions):
    """Dense rows that answer like a sparse matrix, with operations that ONNX has.

    Every cell is an entry here, and those that are missing have the value 0, before and after
    :meth:`with_values`. It has no ``indptr``: what needs to know the entries one by one fails.
    """

    X: Tensor
    stored: Tensor

    def __init__(self, dense: Tensor, stored: Tensor | None = None) -> None:
        stored = dense != 0 if stored is None else stored
        # Around the frozen dataclass, most of whose fields are no fields here.
        vars(self).update(X=dense, stored=stored, num_cols=dense.shape[1])

    num_rows = property(lambda self: self.X.shape[0])
    device = property(lambda self: self.X.device)
    values = property(lambda self: self.X.reshape(-1))
    nnz = property(lambda self: self.X.numel())  # a length would be that of the sample for ever
    row_counts = property(lambda self: self.stored.sum(1))
    row_ids = property(lambda self: torch.arange(self.num_rows).repeat_interleave(self.num_cols))
    indices = property(lambda self: torch.arange(self.num_cols).repeat(self.num_rows))

    def with_values(self, values: Tensor) -> _DenseRows:
        return _DenseRows(values.view(self.X.shape) * self.stored, self.stored)

    def binary(self) -> _DenseRows:
        return _DenseRows(self.stored.float(), self.stored)

    def dense(self, out: Tensor | None = None) -> Tensor:
        return self.X

    def matmul(self, weight: Tensor) -> Tensor:
        return self.X @ weight

    __matmul__ = matmul

    def matmul_sparse(self, other: Interactions) -> Tensor:
        return self.X @ other.dense()


class _Dense(nn.Module):
    """From dense rows to dense scores, as torch's exporter wants a model."""

    def __init__(self, model: Recommender) -> None:
        super().__init__()
        self.training = False
        self.model = model  # a module within, if it is one itself

    def forward(self, ratings: Tensor) -> Tensor:
        return self.model.score(_DenseRows(ratings))


def _sample(num_cols: int) -> Interactions:
    """Eight rows of ratings for a trial, the first without any."""
    generator = torch.Generator().manual_seed(0)
    stored = torch.rand(8, num_cols, generator=generator) < 0.3
    stored[0] = False
    rows, cols = stored.nonzero().T
    values = torch.randint(1, 6, (len(rows),), generator=generator)
    return Interactions.from_coo(rows, cols, values, shape=(8, num_cols))


def _must_agree(model: Recommender, network: _Dense, sample: Interactions) -> None:
    """TypeError unless dense rows give the scores that the model gives."""
    name = type(model).__name__
    expected = model.score(sample)
    try:
        with torch.no_grad():
            found = network(sample.dense())
    except Exception as error:
        raise TypeError(
            f"{name} cannot be written as ONNX: its score needs more than dense rows ({error})"
        ) from error
    if not torch.allclose(found, expected, rtol=1e-4, atol=1e-4):
        raise TypeError(f"{name} cannot be written as ONNX: dense rows give it other scores")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch's exporter has to say about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

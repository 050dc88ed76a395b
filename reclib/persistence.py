"""Keeping a model: a folder of JSON and tensors that loads as the same model, and runs nothing."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

import reclib
from reclib import checks
from reclib.encoding import PARTS, Reader, Writer, checked_matrix, read_labels, write_labels
from reclib.interactions import Interactions, resolve_device
from reclib.labels import Labels
from reclib.models import MODELS, Recommender
from reclib.models.guards import NotFittedError

FORMAT = 1
MODEL, TENSORS, VOCABULARY = "model.json", "model.safetensors", "vocabulary.json"
HISTORY, CARD = "history.safetensors", "README.md"
# What reading may raise where the record is whole, and yet says what no model says.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError)
WIDEST = 2**28  # columns: one row of scores would take a gigabyte


def save(model: Recommender, folder: str | Path, *, history: bool = True) -> Path:
    """Write a fitted model to a folder, from which :func:`load` makes the same model.

    ``model.safetensors`` holds the numbers; ``model.json`` the class, its arguments, the shape,
    scale and fingerprint of the matrix that it was fitted to, and checksums; ``vocabulary.json``
    the identifiers and titles; ``history.safetensors`` the matrix itself; ``README.md`` says what
    it is. Nothing has a date: the same model makes the same bytes. The folder is written beside
    and moved into place, so it is never there by half. What training noted (``model.history``) is
    not kept.

    Parameters
    ----------
    model : Recommender
        Of ``reclib.models``, or a class of your own whose ``__init__`` takes arguments that have
        names, and whose ``build``, if it is learnt by gradients, asks the matrix for its shape and
        takes from its values nothing but buffers.
    folder : path
        Made with its parents. A model that was saved there before is replaced.
    history : bool
        Keep the matrix and the identifiers of its users. Without it, the loaded model serves only
        users whose items you give; how often each item occurred is kept, and items without
        identifiers are numbered from 0. (What a model learns of single users is kept all the same:
        the user nodes of CDAE, and the rows that InfiniteAE compares with.)

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    TypeError
        If ``model`` is no recommender, or holds something, an identifier for example, that cannot
        be written exactly without pickle.
    ValueError
        If it is not fitted (:class:`~reclib.models.guards.NotFittedError`), was loaded without
        its history, has the name of another model, or reads items and ``history`` is False: it
        could serve nobody.
    FileExistsError
        If the folder holds anything but a saved model.
    """
    _can_be_saved(model, history)
    folder = Path(folder).resolve()
    _must_be_free(folder)
    train = model.train_matrix
    writer = Writer(train)
    described = writer.model(model)
    rows, cols = train.row_labels, train.col_labels
    if not history:
        rows, cols = _without_history(train)
    vocabulary = {"rows": write_labels(rows), "cols": write_labels(cols)}
    record = {
        "format": FORMAT,
        "reclib": reclib.__version__,
        "scale": writer.value(train.scale, "scale"),
        "fingerprint": writer.fingerprint,
        "model": described,
    }

    def write(new: Path) -> None:
        _write_json(new / VOCABULARY, vocabulary)
        _write_tensors(new / TENSORS, writer.tensors)
        if history:
            _write_tensors(new / HISTORY, {part: getattr(train, part).cpu() for part in PARTS})
        (new / CARD).write_text(_card(model, history), encoding="utf-8")
        sums = {path.name: _checksum(path) for path in sorted(new.iterdir()) if path.name != CARD}
        whole = record | {"files": sums}
        _write_json(new / MODEL, whole | {"checksum": _checksum_of(whole)})

    _put_in_place(folder, write)
    return folder


def load(
    folder: str | Path,
    *,
    device: str | torch.device = "cpu",
    classes: Mapping[str, type[Recommender]] | None = None,
) -> Recommender:
    """Make the model that :func:`save` wrote: its scores are the same to the last bit.

    It is at rest (``eval``), with its labels, scale and ``train_matrix``; of a model that was saved
    without history, that matrix has its columns and no rows. Nothing in the folder is run, and
    no class is looked up outside ``reclib.models.MODELS`` and ``classes``.

    Parameters
    ----------
    folder : path
    device : str or torch.device
        Where the model is put; "auto" is the GPU if there is one.
    classes : mapping, optional
        Classes of your own by name: ``{"Mine": Mine}``.

    Raises
    ------
    FileNotFoundError
        If the folder, or a file in it, is missing.
    ValueError
        If a file is damaged, is of another format or a newer reclib, or describes no model.
    TypeError
        If ``classes`` holds something that is no class of recommenders.

    Examples
    --------
    >>> import tempfile
    >>> from reclib import models
    >>> X = Interactions.from_coo([0, 0, 1], [0, 1, 1], shape=(2, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = load(save(models.Popularity().fit(X), folder))
    >>> model.score(X.rows([0]))
    tensor([[1., 2., 0.]])
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    known = {**MODELS, **(classes or {})}
    for name, cls in known.items():
        if not (isinstance(cls, type) and issubclass(cls, Recommender)):
            raise TypeError(f"classes[{name!r}] must be a class of recommenders, got {cls!r}")
    record = _record(folder)
    try:
        model = _at_rest(_model(folder, record, Reader(_read_tensors(folder / TENSORS), known)))
    except UNREADABLE as error:
        what = f"it says no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{folder} holds no model that can be loaded: {what}") from error
    device = resolve_device(device)
    model.to(device)
    model.train_matrix = model.train_matrix.to(device)
    return model


# -- writing -------------------------------------------------------------------------------


def _can_be_saved(model: Recommender, history: bool) -> None:
    """The errors of :func:`save` that have to do with the model as a whole."""
    name = type(model).__name__
    if not isinstance(model, Recommender):
        inner = "; its _orig_mod is the model" if hasattr(model, "_orig_mod") else ""
        raise TypeError(f"model must be a Recommender, got {name}{inner}")
    if model.train_matrix is None:
        raise NotFittedError(f"this {name} is not fitted; training.fit(model, train) does that")
    if not model.train_matrix.nnz:
        raise ValueError(
            f"this {name} was loaded without its history and cannot be saved; copy its folder"
        )
    if MODELS.get(name, type(model)) is not type(model):
        raise ValueError(f"{name} is another model of reclib; give your class a name of its own")
    if model.rows == "items" and not history:
        raise ValueError(f"this {name} reads items, and without history it could serve nobody")


def _without_history(train: Interactions) -> tuple[Labels | None, Labels]:
    """Labels of no users, and of all items with their counts, by which ties are settled."""
    users, items = train.row_labels, train.col_labels
    users = None if users is None else users.take(slice(0, 0))
    items = Labels(np.arange(train.num_cols), "item") if items is None else items
    return users, replace(items, counts=train.col_counts.cpu().numpy())


def _must_be_free(folder: Path) -> None:
    """FileExistsError unless nothing would be lost in this place but a saved model."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FileExistsError(f"{folder} is a file; name a folder")
    found = {path.name for path in folder.iterdir()}
    other = sorted(found - {MODEL, TENSORS, VOCABULARY, HISTORY, CARD})
    if other or (found and MODEL not in found):
        raise FileExistsError(
            f"{folder} holds {(other or sorted(found))[0]} and is not a saved model alone; "
            "name another folder"
        )


def _put_in_place(folder: Path, write: Callable[[Path], None]) -> None:
    """Have a new folder written beside, then put it where the old one was."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        new, old = Path(beside, "new"), Path(beside, "old")
        new.mkdir()
        write(new)
        if folder.exists():
            os.replace(folder, old)
        try:
            os.replace(new, folder)
        except OSError:
            if old.exists():
                os.replace(old, folder)
            raise


def _write_json(path: Path, content: dict) -> None:
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    safetensors.torch.save_file(tensors, path)
    shutil.copymode(path.with_name(VOCABULARY), path)  # it leaves the file to its owner alone


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum_of(record: dict) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _card(model: Recommender, history: bool) -> str:
    """What the model is, for whoever finds the folder; Markdown without a date."""
    cls, X = type(model), model.train_matrix
    parameters = inspect.signature(cls).parameters.values()
    options = {p.name: p.default for p in parameters if p.default is not p.empty}
    rows = ("users", "items") if model.rows == "users" else ("items", "users")
    kept = (
        "The folder holds the users' histories and identifiers: treat it as personal data."
        if history
        else "The histories are not in the folder: it serves users whose items are given."
    )
    return "\n".join(
        [
            f"# {cls.__name__}",
            "",
            (inspect.getdoc(cls) or "A recommender.").splitlines()[0],
            "",
            f"- Library: reclib {reclib.__version__}",
            f"- Fitted to {X.num_rows} {rows[0]} x {X.num_cols} {rows[1]} with {X.nnz} entries, "
            f"fingerprint `{X.fingerprint()}`",
            f"- Scale of the ratings: {X.scale or 'not given'}",
            f"- Numbers learnt: {model.num_parameters}",
            *(f"- `{name}`: `{value!r}`" for name, value in (options | model.arguments).items()),
            "",
            f'`reclib.persistence.load("{{folder}}")` makes the model again. {kept}',
            "",
        ]
    )


# -- reading -------------------------------------------------------------------------------


def _record(folder: Path) -> dict[str, Any]:
    """What model.json says, if it and the files that it names are whole and can be read here."""
    record = _read_json(folder / MODEL)
    if not isinstance(record, dict) or "format" not in record:
        raise ValueError(f"{folder / MODEL} describes no saved model")
    if record["format"] != FORMAT:
        raise ValueError(
            f"{folder} is of format {record['format']!r}; reclib {reclib.__version__} reads "
            f"format {FORMAT}"
        )
    if _version(record.get("reclib")) > _version(reclib.__version__):
        raise ValueError(
            f"{folder} was saved by reclib {record['reclib']}, which is newer than "
            f"{reclib.__version__}; update reclib"
        )
    if record.pop("checksum", None) != _checksum_of(record):
        raise ValueError(f"{folder / MODEL} is damaged or was changed; save the model again")
    sums = record.get("files")
    if not isinstance(sums, dict) or set(sums) - {HISTORY} != {TENSORS, VOCABULARY}:
        raise ValueError(f"{folder / MODEL} names other files than those of a saved model")
    for name in sorted(sums):  # two or three names, all our own
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} has no {name}, without which it cannot be loaded")
        if _checksum(folder / name) != sums[name]:
            raise ValueError(f"{folder / name} is damaged or was changed; save the model again")
    return record


def _version(text: Any) -> tuple[int, ...]:
    """The numbers of a version, which can be compared; none if there are none."""
    return tuple(int(number) for number in re.findall(r"\d{1,9}", str(text))[:3])


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} has no {path.name}; it is no saved model")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        # Copies: where numbers lie in memory decides how some libraries add them up.
        return {name: t.clone() for name, t in safetensors.torch.load_file(path).items()}
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _model(folder: Path, record: dict[str, Any], reader: Reader) -> Recommender:
    """The model with its matrix, on the CPU."""
    rows, cols = (int(size) for size in record["model"]["shape"])
    if rows < 0 or not 0 <= cols <= WIDEST:
        raise ValueError(f"a matrix of {rows} x {cols} is none that a model can be fitted to")
    model = reader.model(record["model"])
    if reader.tensors:
        raise ValueError(f"nobody asks for the tensor {min(reader.tensors)}")
    if model not in reader.fitted:
        raise ValueError("it is not fitted")
    train = _train_matrix(folder, record, rows, cols, reader.value(record["scale"]))
    for each in reader.fitted:
        each.train_matrix = train
    return model


def _train_matrix(
    folder: Path, record: dict, rows: int, cols: int, scale: tuple[float, float] | None
) -> Interactions:
    """The matrix that the model was fitted to; without history one of its columns, and no rows."""
    vocabulary = _read_json(folder / VOCABULARY)
    col_labels = read_labels(vocabulary["cols"], cols)
    if HISTORY in record["files"]:
        parts = _read_tensors(folder / HISTORY)
        X = checked_matrix(**{name: parts[name] for name in PARTS}, num_cols=cols)
        if X.num_rows != rows or X.fingerprint() != record["fingerprint"]:
            raise ValueError(f"{HISTORY} is not the matrix that the model was fitted to")
    else:
        X = Interactions.from_coo([], [], shape=(0, cols))
    row_labels = read_labels(vocabulary["rows"], X.num_rows)
    if scale is not None:
        checks.scale("scale", scale)
    return replace(X, row_labels=row_labels, col_labels=col_labels, scale=scale)


def _at_rest(model: Recommender) -> Recommender:
    """The model itself, if it scores a row; what is wrong with it otherwise shows."""
    if isinstance(model, nn.Module):
        model.eval()
    model.score(Interactions.from_coo([], [], shape=(1, model.train_matrix.num_cols)))
    return model

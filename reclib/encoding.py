"""A model as JSON and tensors, without pickle: what is read is data, and nothing of it is run.

In JSON a value that JSON does not have is an object with one key that names its kind, such as
``{"tuple": [1.0, 5.0]}``. Tensors have names and are kept apart, as safetensors stores them.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from reclib.interactions import Interactions
from reclib.labels import Labels, objects
from reclib.models import GradientRecommender, Recommender

PARTS = ("indptr", "indices", "values")  # of a matrix

# -- identifiers and titles ----------------------------------------------------------------

# The most special first: a timestamp is a datetime, which is a date.
MOMENTS = {"timestamp": pd.Timestamp, "datetime": datetime, "date": date}
READ_ID = {
    "timestamp": pd.Timestamp,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "uuid": UUID,
}


def write_labels(labels: Labels | None) -> dict | None:
    """Identifiers and their titles as JSON; TypeError if one cannot be kept exactly."""
    if labels is None:
        return None
    whole = labels.ids.dtype.kind == "i"
    found, titles = labels.titles_of(np.arange(len(labels))), None
    if found is not None:
        titles = [None if title is None else _write_id(title, "title") for title in found]
    return {
        "kind": labels.kind,
        "dtype": "int64" if whole else "object",
        "ids": labels.ids.tolist() if whole else [_write_id(i, labels.kind) for i in labels.ids],
        "titles": titles,
        "counts": None if labels.counts is None else labels.counts.tolist(),
    }


def _write_id(value: Any, what: str) -> Any:
    if isinstance(value, (np.integer, np.floating, np.bool_, np.str_)):
        value = value.item()
    if type(value) in (bool, int, float, str) and _is_json(value):
        written = value
    elif isinstance(value, UUID):
        written = {"uuid": str(value)}
    elif isinstance(value, date) and value is not pd.NaT:
        kind = next(name for name, cls in MOMENTS.items() if isinstance(value, cls))
        written = {kind: value.isoformat()}
    else:
        written = None
    # The text of a moment may say less than the moment: a zone of the calendar, for example.
    if written is None or repr(_read_id(written)) != repr(value):
        raise TypeError(
            f"{what} {value!r} is a {type(value).__name__} that cannot be kept exactly; "
            "numbers, text, UUIDs, and dates of a fixed offset can"
        )
    return written


def _is_json(value: bool | int | float | str) -> bool:
    """Whether JSON holds it: no infinity, no half of a character that UTF-16 writes as two."""
    if isinstance(value, str):
        return not re.search("[\ud800-\udfff]", value)
    return not isinstance(value, float) or math.isfinite(value)


def _read_id(written: Any) -> Any:
    if isinstance(written, dict):
        ((kind, text),) = written.items()
        return READ_ID[kind](text)
    if isinstance(written, list):
        raise ValueError(f"an identifier is {written!r}")
    return written


def read_labels(written: dict | None, size: int) -> Labels | None:
    """What :func:`write_labels` wrote; ValueError unless it names ``size`` different ones."""
    if written is None:
        return None
    values = [_read_id(each) for each in written["ids"]]
    if written["dtype"] == "int64":
        if not all(type(value) is int for value in values):
            raise ValueError("an identifier is no whole number, though all were")
        ids = np.array(values, dtype=np.int64)
    else:
        ids = objects(values)
    counts = written["counts"]
    if counts is not None:
        counts = np.array(counts, dtype=np.int64)
    labels = Labels(ids, written["kind"], None, counts)
    if len(ids) != size or not labels.index.is_unique:
        raise ValueError(f"there are {len(ids)} {labels.kind}s, or one twice, and not {size}")
    if counts is not None and counts.shape != (size,):
        raise ValueError(f"there are {counts.shape} counts of {size} {labels.kind}s")
    if written["titles"] is None:
        return labels
    titles = dict(zip(ids.tolist(), map(_read_id, written["titles"]), strict=True))
    titles = {name: title for name, title in titles.items() if title is not None}
    index = labels.index[[name in titles for name in ids.tolist()]]
    return replace(labels, titles=pd.Series(list(titles.values()), index=index, dtype=object))


# -- models ------------------------------------------------------------------------------------


class _Outline(Interactions):
    """A matrix of a certain shape without memory, from which a model takes its own shapes."""

    @classmethod
    def of(cls, rows: int, cols: int) -> _Outline:
        with torch.device("meta"):
            one = torch.empty(1)
            indptr = torch.empty(rows + 1, dtype=torch.int32)
        # With a scale, whatever it is, nobody asks for the lowest value.
        return cls(indptr, one.int(), one, cols, scale=(0.0, 1.0))

    @property
    def col_counts(self) -> Tensor:
        return torch.empty(self.num_cols, dtype=torch.int64, device="meta")


def _skeleton(cls: type[Recommender], arguments: dict, shape: list[int] | None) -> Recommender:
    """A model of this class whose tensors have shapes and no numbers, so no size is too large.

    Without a shape it is not built yet.
    """
    with torch.device("meta"):
        model = cls(**arguments)
        if shape is not None and isinstance(model, GradientRecommender):
            model.build(_Outline.of(*shape))
    return model


def _tensors(module: Recommender, *, twice: bool = False) -> dict[str, Tensor]:
    """Parameters and buffers; of a tensor with two names the first, or with ``twice`` both."""
    if not isinstance(module, nn.Module):
        return {}
    parameters = module.named_parameters(remove_duplicate=not twice)
    return dict([*parameters, *module.named_buffers(remove_duplicate=not twice)])


def _not_state(cls: type, name: str) -> bool:
    """Whether an attribute of this name is machinery: of torch, of the base class, a method."""
    fixed = inspect.getattr_static(cls, name, None)
    machinery = {*vars(nn.Module()), "_compiled_call_impl", "_arguments", "train_matrix"}
    return name in machinery or name.startswith("__") or hasattr(fixed, "__get__")


class Writer:
    """Turns models fitted to one matrix into JSON and, in :attr:`tensors`, tensors by name."""

    def __init__(self, train: Interactions) -> None:
        self.train, self.fingerprint = train, train.fingerprint()
        self.tensors: dict[str, Tensor] = {}

    def model(self, model: Recommender, where: str = "") -> dict[str, Any]:
        """Class, arguments, shape, and what fitting has left in the model.

        TypeError if :meth:`Reader.model` could not make the same model of it.
        """
        cls, tensors, X = type(model), _tensors(model), model.train_matrix
        if X is not None and X is not self.train and X.fingerprint() != self.fingerprint:
            raise TypeError(f"{where}: a {cls.__name__} that was fitted to another matrix")
        shape = None if X is None else list(X.shape)
        _can_be_built(model, shape, tensors)
        state = {
            name: self.value(value, f"{where}{name}")
            for name, value in model._state().items()
            if not (isinstance(model, nn.Module) and name in vars(nn.Module()))
            and not _left_out(cls, name)
        }
        return {
            "class": cls.__name__,
            "arguments": {
                name: self.value(value, f"{where}arguments.{name}")
                for name, value in model.arguments.items()
            },
            "shape": shape,
            "state": state,
            "tensors": {name: self.value(t, f"{where}{name}") for name, t in tensors.items()},
        }

    def value(self, value: Any, where: str) -> Any:
        """One value; ``where`` names it, in messages and among the tensors."""
        if isinstance(value, (np.integer, np.floating, np.bool_, np.str_)):
            value = value.item()
        if value is None or type(value) in (bool, int, float, str) and _is_json(value):
            return value
        if type(value) is float:
            return {"float": repr(value)}
        if type(value) in (list, tuple):
            written = [self.value(each, f"{where}.{k}") for k, each in enumerate(value)]
            return {"tuple": written} if type(value) is tuple else written
        if type(value) is dict:
            pairs = ((key, self.value(each, f"{where}.{key}")) for key, each in value.items())
            return {"dict": [[self.value(key, where), each] for key, each in pairs]}
        if isinstance(value, Tensor) and value.layout == torch.strided:
            return {"tensor": self._tensor(value, where)}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return {"array": self._tensor(torch.from_numpy(value), where)}
        if isinstance(value, Interactions):
            parts = {name: self.value(getattr(value, name), f"{where}.{name}") for name in PARTS}
            return {"matrix": {"num_cols": value.num_cols, **parts}}
        if isinstance(value, Recommender):
            return {"model": self.model(value, f"{where}.")}
        raise TypeError(
            f"{where} is a {type(value).__name__}, which cannot be written without pickle; "
            "numbers, text, lists, tensors, matrices and models can"
        )

    def _tensor(self, value: Tensor, name: str) -> dict[str, Any]:
        # The order in memory is kept: a product of the same numbers in another order may differ
        # in its last digit.
        turned = value.ndim == 2 and not value.is_contiguous() and value.mT.is_contiguous()
        stored = (value.mT if turned else value).detach().cpu().contiguous()
        memory = stored.untyped_storage().data_ptr()
        if any(memory == other.untyped_storage().data_ptr() for other in self.tensors.values()):
            stored = stored.clone()  # safetensors takes none that share memory
        if name in self.tensors:
            raise TypeError(f"two of the model's tensors are called {name}")
        self.tensors[name] = stored
        kind = str(stored.dtype).removeprefix("torch.")
        return {"name": name, "dtype": kind, "shape": list(stored.shape), "turned": turned}


def _left_out(cls: type, name: str) -> bool:
    """Whether an attribute need not be kept; TypeError if it can neither be kept nor left out."""
    if name in ("_arguments", "_compiled_call_impl"):
        return True
    if name == "history" and issubclass(cls, GradientRecommender):
        return True  # of its training, with the time that it took
    if isinstance(inspect.getattr_static(cls, name, None), cached_property):
        return True
    if _not_state(cls, name):
        raise TypeError(f"{cls.__name__}.{name} is a method that this model has replaced")
    return False


def _can_be_built(model: Recommender, shape: list | None, tensors: dict[str, Tensor]) -> None:
    """TypeError unless its class makes a model of the same tensors from arguments and shape."""
    name = type(model).__name__
    try:
        like = _tensors(_skeleton(type(model), model.arguments, shape))
    except Exception as error:
        raise TypeError(
            f"{name} cannot be kept: from its arguments and the shape of its matrix alone, it "
            f"cannot be built anew ({error}); what build takes from values belongs in a buffer"
        ) from error
    ours, theirs = (
        {key: (tuple(t.shape), t.dtype) for key, t in each.items()} for each in (tensors, like)
    )
    different = sorted(k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k))
    if different:
        raise TypeError(
            f"{name} cannot be kept: built anew, it has another tensor {different[0]}, "
            f"{theirs.get(different[0], 'none')} for {ours.get(different[0], 'none')}"
        )
    parts = dict(model.named_modules()) if isinstance(model, nn.Module) else {}
    for where, part in parts.items():
        hidden = [key for key, value in vars(part).items() if isinstance(value, Tensor)]
        if where and (hidden or isinstance(part, Recommender)):
            raise TypeError(
                f"{name} cannot be kept: {where} holds {hidden[0] if hidden else 'a model'} that "
                "torch's state_dict does not know; a buffer it does"
            )


class Reader:
    """Turns JSON and tensors into a model. ValueError for whatever it cannot trust.

    Parameters
    ----------
    tensors : dict
        By name; what is read is taken out of it.
    classes : mapping
        The only classes there are, by name.
    """

    def __init__(self, tensors: dict[str, Tensor], classes: Mapping[str, type]) -> None:
        self.tensors, self.classes = tensors, classes
        self.fitted: list[Recommender] = []  # those that were read, and lack their matrix

    def model(self, written: dict[str, Any]) -> Recommender:
        """The model that :meth:`Writer.model` wrote, without the matrix that it was fitted to."""
        name = written["class"]
        if name not in self.classes:
            raise ValueError(
                f"it is of a class {name!r}, which reclib does not have; if it is your own, "
                f"load(folder, classes={{{name!r}: ...}}) names it"
            )
        arguments = {key: self.value(each) for key, each in written["arguments"].items()}
        try:
            model = _skeleton(self.classes[name], arguments, written["shape"])
        except Exception as error:
            raise ValueError(f"{name} cannot be built with its arguments: {error}") from error
        self._fill(model, written["tensors"])
        for key, each in written["state"].items():
            if _not_state(self.classes[name], key) or key in _tensors(model, twice=True):
                raise ValueError(f"{key} is no attribute to be set in a {name}")
            setattr(model, key, self.value(each))
        for key, each in model._state().items():
            if isinstance(each, Tensor) and each.is_meta:
                raise ValueError(f"the numbers of {name}.{key} are missing")
        model.train_matrix = None  # in place of the outline
        if written["shape"] is not None:
            self.fitted.append(model)
        return model

    def _fill(self, model: Recommender, written: dict[str, Any]) -> None:
        """Put the tensors where the model has those without numbers; shared ones stay shared."""
        first = {id(each): name for name, each in _tensors(model).items()}
        if sorted(first.values()) != sorted(written):
            odd = sorted(set(first.values()) ^ set(written))
            raise ValueError(f"{type(model).__name__} has other tensors: {', '.join(odd)}")
        made: dict[str, Tensor] = {}
        for name, empty in _tensors(model, twice=True).items():
            key = first[id(empty)]
            if key not in made:
                value = self.value(written[key])
                if (value.shape, value.dtype) != (empty.shape, empty.dtype):
                    raise ValueError(
                        f"{key} has shape {tuple(value.shape)} and {value.dtype}, where the model "
                        f"has {tuple(empty.shape)} and {empty.dtype}"
                    )
                if isinstance(empty, nn.Parameter):
                    value = nn.Parameter(value, empty.requires_grad)
                made[key] = value
            owner, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(owner), leaf, made[key])

    def value(self, written: Any) -> Any:
        """What :meth:`Writer.value` wrote."""
        if isinstance(written, list):
            return [self.value(each) for each in written]
        if not isinstance(written, dict):
            return written
        ((kind, content),) = written.items()
        match kind:
            case "tuple":
                return tuple(self.value(content))
            case "dict":
                return {key: self.value(each) for key, each in content}
            case "float":
                return float(content)
            case "tensor":
                return self._tensor(content)
            case "array":
                return self._tensor(content).numpy()
            case "matrix":
                parts = {name: self.value(content[name]) for name in PARTS}
                return checked_matrix(**parts, num_cols=content["num_cols"])
            case "model":
                return self.model(content)
        raise ValueError(f"there is no kind of value {kind!r}")

    def _tensor(self, written: dict[str, Any]) -> Tensor:
        name = written["name"]
        if name not in self.tensors:
            raise ValueError(f"the tensor {name} is missing")
        tensor = self.tensors.pop(name)
        found = [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]
        if found != [written["dtype"], written["shape"]]:
            raise ValueError(
                f"the tensor {name} is {found[0]} {found[1]}, and not {written['dtype']} "
                f"{written['shape']}"
            )
        return tensor.mT if written["turned"] else tensor


def checked_matrix(indptr: Tensor, indices: Tensor, values: Tensor, num_cols: int) -> Interactions:
    """A matrix of parts that come from a file; ValueError unless they are one."""
    X = Interactions(indptr, indices, values, num_cols)
    types = [(part.dtype, part.ndim) for part in (indptr, indices, values)]
    if (
        types != [(torch.int32, 1), (torch.int32, 1), (torch.float32, 1)]
        or not len(indptr)
        or indptr[0] != 0
        or (indptr.diff() < 0).any()
        or not indptr[-1] == len(indices) == len(values)
        or (indices < 0).any()
        or (indices >= num_cols).any()
        or (X.cells.diff() <= 0).any()  # in order, and none twice
        or not values.isfinite().all()
    ):
        raise ValueError("a stored matrix is not one in CSR form")
    return X

"""Anybody's table, column by column: identifiers, numbers and times that can be relied on.

What is wrong is said with the column, the row and the value, and what to do about it.
"""

from __future__ import annotations

from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd

from reclib.naming import unknown

# Seconds since 1970 beyond this lie in the year 5138: they are another unit.
LATEST = 100_000_000_000
UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def read(data: object, columns: list[str], ids: list[str]) -> pd.DataFrame:
    """These columns of a frame or a file, as pandas has them; rows numbered from 0.

    ``data`` is a frame of pandas, Polars, Arrow or any other that narwhals knows, or the path of
    a CSV (``.csv``, ``.tsv``, compressed or not) or Parquet file. Of ``ids``, text that holds
    whole numbers becomes numbers if none of them has a leading zero.

    Raises
    ------
    TypeError
        If it is neither a frame nor a path.
    ValueError
        If a column is missing or there twice, or the file is of another kind.
    """
    frame = _file(Path(data), ids) if isinstance(data, (str, Path)) else data
    if not isinstance(frame, pd.DataFrame):
        try:
            other = nw.from_native(frame, eager_only=True)
        except TypeError:
            raise TypeError(
                "a table is a DataFrame of pandas or Polars, an Arrow table, or the path of a CSV "
                f"or Parquet file, got {type(data).__name__}"
            ) from None
        _has(list(other.columns), columns)
        frame = pd.DataFrame({name: _plain(other[name]) for name in columns})
    _has(list(frame.columns), columns)
    return frame[columns].reset_index(drop=True)


def _has(there: list, wanted: list[str]) -> None:
    shown = ", ".join(map(str, there))
    for name in wanted:
        if there.count(name) != 1:
            what = f"two columns {name!r}" if name in there else f"no column {name!r}"
            raise ValueError(f"the table has {what}; its columns are {shown}")


def _plain(column: nw.Series) -> pd.Series:
    """A column of another library; text as Python has it, None where something is missing."""
    if column.dtype in (nw.String, nw.Categorical, nw.Object):
        return pd.Series(column.to_list(), dtype=object)
    if isinstance(column.dtype, nw.Datetime) and column.dtype.time_zone is not None:
        column = column.dt.convert_time_zone("UTC")
    if column.null_count() and column.dtype.is_integer():
        return pd.Series(column.to_list(), dtype="Int64")  # a float would round large ones
    return pd.Series(column.to_numpy())


def _file(path: Path, ids: list[str]) -> pd.DataFrame:
    kinds = [suffix.lower() for suffix in path.suffixes]
    if ".parquet" in kinds:
        try:
            return pd.read_parquet(path)
        except ImportError as error:
            raise ImportError(f"to read {path}, install pyarrow (reclib[parquet])") from error
    if not {".csv", ".tsv"} & set(kinds):
        raise ValueError(f"{path} is neither .csv, .tsv nor .parquet; read it with pandas first")
    text = dict.fromkeys(ids, str)  # numbers would lose leading zeros
    frame = pd.read_csv(path, sep="\t" if ".tsv" in kinds else ",", dtype=text)
    for name in set(ids) & set(frame):
        frame[name] = _numbered(frame[name])
    return frame


def _numbered(column: pd.Series) -> pd.Series:
    """A text column as int64 if that loses nothing."""
    values = column.dropna()
    if len(values) and values.str.fullmatch(r"0|-?[1-9]\d{0,17}").all():
        return column.astype("Int64") if column.hasnans else column.astype("int64")
    return column


def identifiers(name: str, column: pd.Series) -> np.ndarray:
    """Identifiers as int64 (uint64 if need be), or as objects of one hashable kind.

    Raises
    ------
    ValueError
        If one is missing, is no whole number among numbers, or kinds are mixed.
    TypeError
        If one cannot be hashed, such as a list.
    """
    _complete(name, column)
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iub":
        values = column.to_numpy()
        fits = values.dtype.kind != "u" or not len(values) or values.max() <= np.iinfo("i8").max
        return values.astype("int64" if fits else "uint64")
    if kind == "f":
        values = column.to_numpy(dtype="float64")
        whole = (np.floor(values) == values) & (np.abs(values) <= 2.0**53)
        if not whole.all():
            at = int(np.flatnonzero(~whole)[0])
            raise ValueError(
                f"{name} identifiers must be whole numbers or text, row {_row(column, at)} has "
                f"{values[at]}"
            )
        return values.astype("int64")
    values = column.astype(object).to_numpy()
    if pd.api.types.infer_dtype(values, skipna=False) == "string":
        return values
    kinds = {type(value): at for at, value in reversed(list(enumerate(values)))}
    if all(issubclass(each, (int, np.integer)) for each in kinds):
        whole = np.array(values.tolist())
        if whole.dtype == object:
            raise ValueError(f"{name} identifiers beyond 64 bits must be text")
        return identifiers(name, pd.Series(whole, index=column.index))
    if len(kinds) > 1:
        seen = [f"{t.__name__} (row {_row(column, at)}: {values[at]!r})" for t, at in kinds.items()]
        raise ValueError(
            f"{name} identifiers are of different kinds, {' and '.join(sorted(seen))}; "
            "make them one"
        )
    if not hasattr(values[0], "__hash__") or values[0].__hash__ is None:
        raise TypeError(
            f"{name} identifiers must be numbers, text or other plain values, row "
            f"{_row(column, 0)} has {values[0]!r}"
        )
    return values


def numbers(name: str, column: pd.Series) -> np.ndarray:
    """A column as float64; ValueError that names the first cell that holds no real number."""
    _complete(name, column)
    if column.dtype.kind == "c":
        raise ValueError(f"{name} must be real numbers, got complex ones")
    found = pd.to_numeric(column, errors="coerce")
    if found.isna().any():
        at = int(np.flatnonzero(found.isna())[0])
        raise ValueError(
            f"{name} in row {_row(column, at)} is {column.iloc[at]!r}, which is no number; "
            "decimals are written with a point"
        )
    return found.to_numpy(dtype="float64")


def seconds(name: str, column: pd.Series, unit: str | None = None) -> np.ndarray:
    """Times as whole seconds since 1970, int64.

    Dates of any resolution, with a zone or without (then they are UTC); text in ISO 8601; or
    numbers that count ``unit``: ``"s"`` (if not said), ``"ms"``, ``"us"``, ``"ns"``.

    Raises
    ------
    ValueError
        If one is missing, is no date, or numbers look as if they counted another unit.
    """
    if unit is not None and unit not in UNITS:
        raise ValueError(unknown("unit", unit, UNITS))
    _complete(name, column)
    if column.dtype.kind in "iuf":
        return _counted(name, column, unit)
    if unit is not None:
        raise ValueError(
            f"{name} holds dates or text, so unit={unit!r} has no meaning; leave it out"
        )
    try:
        dates = pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be read as dates: {error}") from error
    if dates.isna().any():
        at = int(np.flatnonzero(dates.isna())[0])
        raise ValueError(
            f"{name} in row {_row(column, at)} is {column.iloc[at]!r}, which is no date of "
            "ISO 8601 (2021-06-27T19:13:49Z); parse other forms with pandas.to_datetime first"
        )
    return dates.dt.as_unit("s").astype("int64").to_numpy()


def _counted(name: str, column: pd.Series, unit: str | None) -> np.ndarray:
    values = column.to_numpy()
    if not np.isfinite(values).all() or (np.floor(values) != values).any():
        at = int(np.flatnonzero(~np.isfinite(values) | (np.floor(values) != values))[0])
        raise ValueError(
            f"{name} must be whole numbers, row {_row(column, at)} has {values[at]}; scale them to "
            'a smaller unit and say which, such as unit="ms"'
        )
    found = values.astype("int64") // UNITS[unit or "s"]
    if len(found) and np.abs(found).max() > LATEST:
        at = int(np.abs(found).argmax())
        raise ValueError(
            f"{name} in row {_row(column, at)} is {values[at]}, which as seconds since 1970 is no "
            'date of ours; say unit="ms", "us" or "ns"'
        )
    return found


def _complete(name: str, column: pd.Series) -> None:
    """ValueError that counts the missing values of a column and names the first row."""
    missing = column.isna().to_numpy()
    if missing.any():
        at = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"{name} is missing in some rows, {int(missing.sum())} of {len(column)}; the first is "
            f"row {_row(column, at)}; drop or fill them"
        )


def _row(column: pd.Series, at: int) -> object:
    """How the caller's table names the row at a place."""
    return column.index[at]

"""Python values to Arrow columns, with as little Python per row as possible."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def table(names: Sequence[str], rows: Sequence[tuple[Any, ...]], of: pa.Schema, **ready: pa.Array) -> pa.Table:
    """Rows of tuples in the order of ``names``, beside columns that are ``ready``, in the order of the schema."""
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ())
    fields = [field for field in of if field.name in columns or field.name in ready]
    arrays = [
        ready[field.name] if field.name in ready else pa.array(columns[field.name], field.type) for field in fields
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def hexadecimal(raws: Iterable[bytes], size: int) -> pa.Array:
    """Ids of ``size`` bytes as hex strings, all at once; of another length or all zero: null."""
    null = b"\0" * size
    ids = [raw if len(raw) == size else null for raw in raws]
    joined = b"".join(ids)
    text = pa.py_buffer(joined.hex().encode())
    offsets = pa.py_buffer(np.arange(len(ids) + 1, dtype=np.int32) * (2 * size))
    valid = np.frombuffer(joined, np.uint8).reshape(-1, size).any(axis=1)
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.StringArray.from_buffers(len(ids), offsets, text, bitmap)


def runs_of(pieces: Sequence[tuple[str | None, int]]) -> pa.Array:
    """Each value as often as its count says: what is the same for all spans of a resource or scope."""
    return pa.concat_arrays([pa.repeat(pa.scalar(value, pa.string()), count) for value, count in pieces])

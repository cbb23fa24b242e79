"""Python values to Arrow columns, with as little Python per row as possible."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
MAX_NS = 2**63 - 1


def table(columns: Mapping[str, pa.Array], of: pa.Schema) -> pa.Table:
    """The columns in the order and with the types of the schema; those not given are left out."""
    fields = [field for field in of if field.name in columns]
    return pa.Table.from_arrays([columns[field.name] for field in fields], schema=pa.schema(fields))


def hexadecimal(raws: Sequence[bytes], size: int) -> pa.Array:
    """Ids of ``size`` bytes as hex strings, all at once; of another length or all zero: null."""
    null = b"\0" * size
    joined = b"".join([raw if len(raw) == size else null for raw in raws])
    return hexadecimal_of(np.frombuffer(joined, np.uint8).reshape(-1, size))


def hexadecimal_of(ids: npt.NDArray[np.uint8]) -> pa.Array:
    """The same, of ids that are lines of bytes."""
    count, size = ids.shape
    text = pa.py_buffer(ids.tobytes().hex().encode())
    offsets = pa.py_buffer(np.arange(count + 1, dtype=np.int32) * (2 * size))
    bitmap = pa.py_buffer(np.packbits(ids.any(axis=1), bitorder="little").tobytes())
    return pa.StringArray.from_buffers(count, offsets, text, bitmap)


def text(raws: Sequence[bytes]) -> pa.Array:
    """UTF-8 bytes as strings; what is wrong in them is replaced, so that one byte does not cost a batch."""
    try:
        return pa.array(raws, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([raw.decode("utf-8", "replace") for raw in raws], pa.string())


def micros(nanos: Sequence[int] | npt.NDArray[np.uint64]) -> pa.Array:
    """Unsigned nanoseconds as microseconds; 0 (not set) and what no clock can say are null."""
    found = np.array(nanos, np.uint64)
    return pa.array((found // np.uint64(1000)).astype(np.int64), mask=(found == 0) | (found > MAX_NS))


def repeated(pieces: Sequence[tuple[str | None, int]]) -> pa.Array:
    """Each value as often as its count says: what is the same for all spans of a resource or scope."""
    rows = np.repeat(np.arange(len(pieces)), [count for _, count in pieces])
    return pa.array([value for value, _ in pieces], pa.string()).take(pa.array(rows))

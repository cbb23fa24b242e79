"""Spans of a batch walked all at once, field by field, in numpy: a step goes over one field of every span.

    span 0   |trace_id|span_id|name|attributes|attributes|status|
    span 1   |trace_id|span_id|parent|name|attributes|status|
              step 0   step 1  step 2 ...

Agent spans are alike, so a batch takes as many steps as its longest span has fields, whatever the number of spans.
What is not written as OTLP's span has it (unknown fields, groups, numbers of many bytes) is left to the protobuf
library: ``walk`` then gives None. Nothing is guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from durascope_dashboard.collector.columns import Ints

Bytes = npt.NDArray[np.uint8]

TRACE_ID, SPAN_ID, PARENT, NAME, START, END, ATTRIBUTES, EVENTS, STATUS = (
    0x0A, 0x12, 0x22, 0x2A, 0x39, 0x41, 0x4A, 0x5A, 0x7A,
)  # fmt: skip
_FLAGS: Final = 0x85  # the first of the two bytes of its tag
_SIZED: Final = (TRACE_ID, SPAN_ID, 0x1A, PARENT, NAME, ATTRIBUTES, EVENTS, 0x6A, STATUS)
_NUMBERS: Final = (0x30, 0x50, 0x60, 0x70)
_UNKNOWN, _SIZE, _EIGHT, _VARINT, _FOUR = range(5)
_MAX_STEPS: Final = 400
_PADDING: Final = b"\0" * 16  # so that a look ahead never leaves the buffer


def _ways() -> Bytes:
    ways = np.full(256, _UNKNOWN, np.uint8)
    ways[list(_SIZED)] = _SIZE
    ways[list(_NUMBERS)] = _VARINT
    ways[[START, END]] = _EIGHT
    ways[_FLAGS] = _FOUR
    return ways


_WAY: Final = _ways()


@dataclass(frozen=True)
class Fields:
    """Every field of every span, in the order of the bytes. ``begins``: where it begins, ``head``: bytes before its
    value; ``owner``: its span's number. ``whole``: all of them, tag and length included, without a copy."""

    data: Bytes
    begins: Ints
    tag: Bytes
    head: Ints
    owner: Ints
    whole: pa.BinaryArray

    def of(self, tag: int) -> Ints:
        """Rows of that field."""
        return np.flatnonzero(self.tag == tag)

    def size(self, rows: Ints) -> Ints:
        """Bytes of their values."""
        ends = np.append(self.begins, len(self.data) - len(_PADDING))[rows + 1]
        return np.asarray(ends - self.begins[rows] - self.head[rows], np.int64)

    def values(self, rows: Ints, size: int) -> Bytes:
        """Values of ``size`` bytes each, one a line."""
        found: Bytes = self.data[(self.begins[rows] + self.head[rows])[:, None] + np.arange(size)]
        return found


def walk(spans: Sequence[bytes]) -> Fields | None:
    """The fields of these spans; None if a span is not as expected."""
    joined = b"".join((*spans, _PADDING))
    data = np.frombuffer(joined, np.uint8)
    ends = np.cumsum(np.fromiter(map(len, spans), np.int64, len(spans)))
    at, active = np.append(np.int64(0), ends[:-1]), np.arange(len(spans))
    steps: list[tuple[Ints, Ints, Bytes, Ints]] = []
    counts: Ints = np.zeros(len(spans), np.int64)
    while True:
        inside = at < ends
        if not inside.all():
            at, active, ends = at[inside], active[inside], ends[inside]
        if not len(at):
            break
        tags = data[at]
        found = _measure(data, at, tags)
        if found is None or len(steps) >= _MAX_STEPS or (at + found[1] > ends).any():
            return None
        steps.append((active, at, tags, found[0]))
        counts[active] += 1
        at = at + found[1]
    return _gathered(joined, data, steps, counts)


def _measure(data: Bytes, at: Ints, tags: Bytes) -> tuple[Ints, Ints] | None:
    """(bytes before the value, bytes of the whole field) at each place."""
    way, first = _WAY[tags], data[at + 1].astype(np.int64)
    head: Ints = np.full(len(at), 2, np.int64)
    whole = first + 2
    if (way == _SIZE).all():
        longer = np.flatnonzero(first >= 0x80)
    else:
        if not way.all():
            return None
        whole[way == _EIGHT], head[way == _EIGHT] = 9, 1
        whole[way == _FOUR] = 6
        number = way == _VARINT
        whole[number] = np.where(first[number] < 0x80, 2, 3)
        if (first[way == _FOUR] != 1).any() or (data[at[number] + 2] >= 0x80)[first[number] >= 0x80].any():
            return None
        longer = np.flatnonzero((way == _SIZE) & (first >= 0x80))
    if len(longer):
        second, third = data[at[longer] + 2].astype(np.int64), data[at[longer] + 3].astype(np.int64)
        three = second >= 0x80
        if (third[three] >= 0x80).any():
            return None  # 2 MB or more
        head[longer] = np.where(three, 4, 3)
        size = (first[longer] & 0x7F) | (second & 0x7F) << 7 | np.where(three, third, 0) << 14
        whole[longer] = head[longer] + size
    return head, whole


def _gathered(joined: bytes, data: Bytes, steps: Sequence[tuple[Ints, Ints, Bytes, Ints]], counts: Ints) -> Fields:
    """Put the fields in the order of the bytes: a span's n-th field came with step n."""
    first = np.cumsum(counts) - counts
    total = int(counts.sum())
    begins, head = np.empty(total, np.int64), np.empty(total, np.int64)
    tag = np.empty(total, np.uint8)
    for step, (active, at, tags, heads) in enumerate(steps):
        rows = first[active] + step
        begins[rows], tag[rows], head[rows] = at, tags, heads
    offsets = np.append(begins, len(joined) - len(_PADDING)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(joined)]
    whole = pa.BinaryArray.from_buffers(pa.binary(), total, buffers)
    return Fields(data, begins, tag, head, np.repeat(np.arange(len(counts)), counts), whole)

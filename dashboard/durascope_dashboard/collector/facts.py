"""Attributes of many spans at once, by column: the facts that they state, and each span's JSON text.

raw KeyValues, flat --dictionary-encode (C++)--> distinct ones --decode--> facts --take (C++)--> columns

What is done in Python is done once for each *distinct* KeyValue of the batch, not once for each span that has it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from durascope_dashboard.collector import attributes
from durascope_dashboard.collector.columns import Ints
from durascope_dashboard.store.schema import TOKEN_KINDS

_INTEGERS: Final = frozenset(
    {"attempt", "queued", "started", "scheduled", "http_status", "http_retries", "max_attempts", *TOKEN_KINDS}
)
_TYPES: Final[Mapping[str, pa.DataType]] = (
    dict.fromkeys(_INTEGERS, pa.int64()) | {"retry_delay_ms": pa.float64(), "is_local": pa.bool_()}
)  # fmt: skip
_LEAST_RANK: Final = -15  # of what stands inside a "usage" map: said elsewhere, it counts as said there
_Said = list[npt.NDArray[Any]]  # fact, slot of its value, rank, owner: one entry for each statement
_SPARSE: Final = 1 << 24  # cells; with more, attribute names are so many that a table of them costs too much


class Members(NamedTuple):
    """The attributes of ``rows`` spans: KeyValues, each once; and of every one that a span has, number and owner."""

    rows: int
    raws: Sequence[bytes]
    codes: Ints
    owners: Ints

    @classmethod
    def of(cls, raws: Sequence[bytes], counts: Sequence[int]) -> Self:
        """Of all KeyValues, span after span, and how many each span has."""
        encoded = pa.array(raws, pa.binary()).dictionary_encode()
        codes = encoded.indices.to_numpy().astype(np.int64)
        return cls(len(counts), encoded.dictionary.to_pylist(), codes, np.repeat(np.arange(len(counts)), counts))


class Facts:
    """What attributes state. Raises DecodeError if one is no KeyValue."""

    def __init__(self, members: Members) -> None:
        self.rows = members.rows
        self._distinct = [attributes.decode(raw) for raw in members.raws]
        self._codes, self._owners = members.codes, members.owners
        self._drop_repeated_keys()
        self._stated = self._settle()
        self._drop_zero_usage()

    def _drop_repeated_keys(self) -> None:
        """Of a key that one span has twice, the last counts."""
        numbers: dict[str, int] = {}
        key_of = np.array([numbers.setdefault(item.key, len(numbers)) for item in self._distinct], np.int64)
        size = max(len(numbers), 1)
        cells = self._owners * size + key_of[self._codes] if len(self._codes) else self._codes
        if self.rows * size <= _SPARSE:
            seen = np.zeros(self.rows * size, np.bool_)
            seen[cells] = True
            if np.count_nonzero(seen) == len(cells):
                return
        _, last = np.unique(cells[::-1], return_index=True)
        keep = np.sort(len(cells) - 1 - last)
        self._codes, self._owners = self._codes[keep], self._owners[keep]

    def _settle(self) -> dict[str, pa.Array]:
        """Fact -> column. Where two attributes of a span state a fact, the first choice is written last and stays."""
        values: defaultdict[str, list[Any]] = defaultdict(list)
        names: dict[str, int] = {"": 0}
        count = len(self._distinct)
        fact_of, slot_of, rank_of = np.zeros(count, np.int16), np.zeros(count, np.int64), np.zeros(count, np.int16)
        for i, item in enumerate(self._distinct):
            if item.fact and item.fact != "usage":
                fact_of[i] = names.setdefault(item.fact, len(names))
                slot_of[i], rank_of[i] = len(values[item.fact]), item.rank
                values[item.fact].append(item.stated)
        said: _Said = [fact_of[self._codes], slot_of[self._codes], rank_of[self._codes], self._owners]
        said = self._with_usage(said, names, values)
        # By fact, then by rank. Numbers of 16 bits are sorted by their digits, far faster than others.
        order = np.argsort((said[0] * 16 + said[2] - _LEAST_RANK).astype(np.int16), kind="stable")
        facts, slots, _, owners = (part[order] for part in said)
        ends = np.searchsorted(facts, np.arange(len(names)), side="right")
        return {
            name: self._column(name, values[name], slots[ends[n - 1] : ends[n]], owners[ends[n - 1] : ends[n]])
            for name, n in names.items()
            if n
        }

    def _with_usage(self, said: _Said, names: dict[str, int], values: defaultdict[str, list[Any]]) -> _Said:
        """The Agents SDK's own usage map states several facts at once."""
        for code, item in enumerate(self._distinct):
            if item.fact != "usage":
                continue
            owners = self._owners[self._codes == code]
            for fact, value in item.stated.items():
                number, slot = names.setdefault(fact, len(names)), len(values[fact])
                values[fact].append(value)
                more = (np.full(len(owners), n) for n in (number, slot, _LEAST_RANK))
                said = [np.concatenate(pair) for pair in zip(said, (*more, owners), strict=True)]
        return said

    def _column(self, name: str, values: list[Any], slots: Ints, owners: Ints) -> pa.Array:
        where = np.full(self.rows, -1, np.int64)
        where[owners] = slots
        return pa.array(values, _TYPES.get(name, pa.string())).take(pa.array(where, mask=where < 0))

    def _drop_zero_usage(self) -> None:
        """A usage that is zero throughout is a provider that reported nothing: unknown."""
        if not {"input", "output"} & self._stated.keys():
            return
        used = [kind for kind in TOKEN_KINDS if kind in self._stated]
        nothing = np.ones(self.rows, np.bool_)
        for kind in used:
            nothing &= ~_bools(pc.greater(self._stated[kind], 0))
        if nothing.any():
            for kind in used:
                kept = pc.if_else(pa.array(nothing), pa.scalar(None, pa.int64()), self._stated[kind])
                self._stated[kind] = kept

    def column(self, name: str) -> pa.Array:
        """One fact of every span; null where it is not stated."""
        found = self._stated.get(name)
        return pa.nulls(self.rows, _TYPES.get(name, pa.string())) if found is None else found

    def texts(self) -> pa.Array:
        """Each span's attributes as the text of one JSON object."""
        ends = np.searchsorted(self._owners, np.arange(self.rows + 1))
        members = pa.array([item.text for item in self._distinct], pa.string()).take(pa.array(self._codes))
        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), members), ",")
        return pc.binary_join_element_wise("{", joined, "}", "")


def _bools(column: pa.Array) -> npt.NDArray[np.bool_]:
    """A boolean column as a mask; null is false."""
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)

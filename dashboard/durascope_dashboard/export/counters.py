"""Counters that never go down, over a store that forgets old runs.

Prometheus reads a falling counter as a restart and adds its whole value again. So what retention removes, or a later
join corrects, is kept here for the life of the process. And it sees no increase in a series that appears with a value:
the first error of its kind would never be counted. So a new series says 0 for ``NEWBORN_S``, a scrape or two, first.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from durascope_dashboard.export.families import Family, Sample, Type

Key = tuple[str, tuple[tuple[str, str], ...]]
NEWBORN_S = 15.0


class Ratchet:
    """Remembers what each series last said; one per scraped process. What the first call shows is no news."""

    def __init__(self, newborn_s: float = NEWBORN_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._last: dict[Key, Sample] = {}
        self._lost: dict[Key, Sample] = {}
        self._born: dict[Key, float] = {}
        self._newborn_s, self._clock = newborn_s, clock
        self._first = True

    def raised(self, families: list[Family]) -> list[Family]:
        """The families with, to each series that fell or vanished, what it had lost, and new ones at 0."""
        now = self._clock()
        counted = [self._family(family) if family.type is not Type.GAUGE else family for family in families]
        told = [self._newborn(family, now) if family.type is not Type.GAUGE else family for family in counted]
        self._first = False
        return told

    def _newborn(self, family: Family, now: float) -> Family:
        samples = []
        for sample in family.samples:
            born = self._born.setdefault(self._key(family, sample), float("-inf") if self._first else now)
            samples.append(_zero(sample) if now - born < self._newborn_s else sample)
        return replace(family, samples=samples)

    def _family(self, family: Family) -> Family:
        seen = {self._key(family, sample): sample for sample in family.samples}
        gone = {key for key in self._last if key[0] == family.name and key not in seen}
        for key in gone:
            seen[key] = _zero(self._last[key])
        return replace(family, samples=[self._raise(key, sample) for key, sample in seen.items()])

    def _raise(self, key: Key, sample: Sample) -> Sample:
        last, lost = self._last.get(key), self._lost.get(key)
        if last is not None and (sample.value < last.value or sample.count < last.count):
            fell = _combine(last, sample, -1)
            lost = self._lost[key] = fell if lost is None else _combine(lost, fell, 1)
        self._last[key] = sample
        return sample if lost is None else _combine(sample, lost, 1)

    @staticmethod
    def _key(family: Family, sample: Sample) -> Key:
        return family.name, tuple(sample.labels.items())


def _zero(sample: Sample) -> Sample:
    return replace(sample, value=0.0, count=0, buckets=(0,) * len(sample.buckets), exemplar=None)


def _combine(a: Sample, b: Sample, sign: int) -> Sample:
    buckets = tuple(max(0, x + sign * y) for x, y in zip(a.buckets, b.buckets, strict=True))
    return replace(a, value=max(0.0, a.value + sign * b.value), count=max(0, a.count + sign * b.count), buckets=buckets)

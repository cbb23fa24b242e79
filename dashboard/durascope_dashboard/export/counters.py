"""Counters that never go down, over a store that forgets old runs.

Prometheus reads a falling counter as a restart and adds its whole value again. So what retention removes, or a later
join corrects, is kept here for the life of the process.
"""

from dataclasses import replace

from durascope_dashboard.export.families import Family, Sample, Type

Key = tuple[str, tuple[tuple[str, str], ...]]


class Ratchet:
    """Remembers what each series last said; one per scraped process."""

    def __init__(self) -> None:
        self._last: dict[Key, Sample] = {}
        self._lost: dict[Key, Sample] = {}

    def raised(self, families: list[Family]) -> list[Family]:
        """The families with, to each series that fell or vanished, what it had lost."""
        return [self._family(family) if family.type is not Type.GAUGE else family for family in families]

    def _family(self, family: Family) -> Family:
        seen = {self._key(family, sample): sample for sample in family.samples}
        gone = {key for key in self._last if key[0] == family.name and key not in seen}
        for key in gone:
            last = self._last[key]
            seen[key] = replace(last, value=0.0, count=0, buckets=(0,) * len(last.buckets), exemplar=None)
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


def _combine(a: Sample, b: Sample, sign: int) -> Sample:
    buckets = tuple(max(0, x + sign * y) for x, y in zip(a.buckets, b.buckets, strict=True))
    return replace(a, value=max(0.0, a.value + sign * b.value), count=max(0, a.count + sign * b.count), buckets=buckets)

"""Metric families as OpenMetrics text, the format of `/metrics`."""

from collections.abc import Iterable, Iterator

from durascope_dashboard.export.families import (
    PROMETHEUS_UNITS,
    Exemplar,
    Family,
    Labels,
    Sample,
    Type,
    prometheus_name,
)

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def text(families: Iterable[Family]) -> str:
    """The whole exposition, ``# EOF`` included."""
    return "".join(f"{line}\n" for family in families for line in _family(family)) + "# EOF\n"


def _family(family: Family) -> Iterator[str]:
    name = prometheus_name(family)
    yield f"# TYPE {name} {family.type}"
    if family.unit in PROMETHEUS_UNITS:
        yield f"# UNIT {name} {PROMETHEUS_UNITS[family.unit]}"
    yield f"# HELP {name} {_escape(family.help)}"
    for sample in family.samples:
        yield from _lines(name, family, sample)


def _lines(name: str, family: Family, sample: Sample) -> Iterator[str]:
    if family.type is Type.COUNTER:
        yield f"{name}_total{_labels(sample.labels)} {_number(sample.value)}"
    elif family.type is Type.GAUGE:
        yield f"{name}{_labels(sample.labels)} {_number(sample.value)}"
    else:
        yield from _histogram(name, family, sample)


def _histogram(name: str, family: Family, sample: Sample) -> Iterator[str]:
    exemplar, lower = sample.exemplar, float("-inf")
    for bound, count in zip((*family.bounds, float("inf")), (*sample.buckets, sample.count), strict=True):
        mine = exemplar is not None and lower < exemplar.value <= bound
        labels = _labels({**sample.labels, "le": "+Inf" if bound == float("inf") else _number(float(bound))})
        yield f"{name}_bucket{labels} {count}{_exemplar(exemplar) if exemplar and mine else ''}"
        lower = bound
    yield f"{name}_count{_labels(sample.labels)} {sample.count}"
    yield f"{name}_sum{_labels(sample.labels)} {_number(sample.value)}"


def _exemplar(exemplar: Exemplar) -> str:
    labels = _labels({"trace_id": exemplar.trace_id, "span_id": exemplar.span_id})
    return f" # {labels} {_number(exemplar.value)} {exemplar.time / 1e6:.3f}"


def _labels(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return repr(int(value)) + ".0" if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))

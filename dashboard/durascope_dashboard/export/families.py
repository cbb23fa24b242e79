"""Metric families as data: what `/metrics` prints and what is pushed by OTLP are two renderings of the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from durascope.records import Micros

Labels = Mapping[str, str]


class Type(StrEnum):
    """OpenMetrics' names."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Exemplar:
    """A trace that shows what a number means; ``value`` in the family's unit."""

    trace_id: str
    span_id: str
    value: float
    time: Micros


@dataclass(frozen=True)
class Sample:
    """One number, or one histogram: ``buckets`` are cumulative counts for ``Family.bounds``, ``value`` is the sum."""

    labels: Labels
    value: float
    count: int = 0
    buckets: tuple[int, ...] = ()
    exemplar: Exemplar | None = None


@dataclass(frozen=True)
class Family:
    """``name`` is dotted, as OpenTelemetry has it; ``unit`` a UCUM code: ``s``, ``By``, ``{token}``, ``USD``, ``1``."""

    name: str
    type: Type
    help: str
    unit: str = ""
    samples: list[Sample] = field(default_factory=list)
    bounds: tuple[float, ...] = ()


FLEET = "durascope.fleet"  # how the names of what the join computes begin
PROMETHEUS_UNITS = {"s": "seconds", "By": "bytes", "USD": "usd"}


def label(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Labels of a row; one that does not apply is empty, which to Prometheus is the same as absent."""
    return {name: "" if row[name] is None else str(row[name]) for name in names}


def prometheus_name(family: Family) -> str:
    """The family's name in Prometheus (without ``_total``): dots to underscores, the unit at the end."""
    name = family.name.replace(".", "_")
    unit = PROMETHEUS_UNITS.get(family.unit)
    return f"{name}_{unit}" if unit and not name.endswith(f"_{unit}") else name

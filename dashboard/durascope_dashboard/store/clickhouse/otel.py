"""``otel_traces``, as the OpenTelemetry Collector's ClickHouse exporter fills it, read into our own evidence tables.

otel_traces --materialised views, as each batch is inserted--> spans_stored, span_attempts_stored

The views are made from the dialects that the collector reads OTLP with (collector/dialects.py), so the same span says
the same on either way. The exporter writes every value as text: numbers in a span's own attributes stay text.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from durascope import conventions as c
from durascope.records import Source, Status
from durascope_dashboard.collector import attempts, dialects
from durascope_dashboard.store import schema

# Of the exporter's sql template traces_table.sql, as of OpenTelemetry Collector 0.150 and later: it makes the table
# itself when it starts first; the indexes and the order are its choice.
OTEL_TRACES: Final = """CREATE TABLE IF NOT EXISTS otel_traces (
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(T64, ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1,
    INDEX idx_lower_span_name lower(SpanName) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
) ENGINE = MergeTree()
PARTITION BY toDate(Timestamp)
PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"""
WRITER: Final = "otel"
_NOW: Final = "toUnixTimestamp64Micro(now64(6))"
_START: Final = "intDiv(toUnixTimestamp64Nano(Timestamp), 1000)"
# A span without an end has a "duration" below zero, which an unsigned column shows as more than 292 years.
_END: Final = (
    "if(toUInt64(Duration) < 9223372036854775808, "
    "intDiv(toUnixTimestamp64Nano(Timestamp) + toInt64(Duration), 1000), NULL)"
)
_STATUS: Final = (
    "multiIf(StatusCode IN ('Error', 'STATUS_CODE_ERROR'), 'error', "
    "StatusCode IN ('Ok', 'STATUS_CODE_OK'), 'ok', 'unset')"
)
# Of what was no text true and false are told apart again: a guardrail's verdict is one of them.
_ATTRIBUTES: Final = """concat('{', arrayStringConcat(arrayMap(
    (k, v) -> concat(toJSONString(toString(k)), ':', if(v IN ('true', 'false'), v, toJSONString(v))),
    mapKeys(SpanAttributes), mapValues(SpanAttributes)), ','), '}')"""
_EVENTS: Final = """if(empty(Events.Name), NULL, concat('[', arrayStringConcat(arrayMap(
    (t, n, a) -> concat('{"name":', toJSONString(toString(n)), ',"time":',
        if(toUnixTimestamp64Nano(t) > 0, toString(intDiv(toUnixTimestamp64Nano(t), 1000)), 'null'),
        ',"attributes":', toJSONString(a), '}'),
    Events.Timestamp, Events.Name, Events.Attributes), ','), ']'))"""


def _text(value: str) -> str:
    return f"nullIf({value}, '')"


def _integer(value: str) -> str:
    return f"toInt64OrNull({value})"


def _within(number: str, least: float, most: float) -> str:
    return f"if({number} BETWEEN {least} AND {most}, {number}, NULL)"


def _kind(kinds: Mapping[str, str], value: str) -> str:
    names, meant = (", ".join(f"'{text}'" for text in texts) for texts in (kinds.keys(), kinds.values()))
    return f"transform(lower({value}), [{names}], [{meant}], NULL)"


_READ: Final[Mapping[Callable[[Any], Any], Callable[[str], str]]] = {
    dialects.text: _text,
    dialects.integer: _integer,
    dialects.count: lambda value: _within(_integer(value), 0, schema.MAX_TOKENS),
    dialects.positive: lambda value: _within(_integer(value), 1, schema.MAX_ATTEMPT),
    dialects.micros: lambda value: f"intDiv({_within(_integer(value), 1, 2**63 - 1)}, 1000)",
    dialects.milliseconds: lambda value: _within(f"toFloat64OrNull({value}) * 1000", 0, schema.MAX_MS),
    dialects.flag: lambda value: f"{value} = 'true'",
}
"""How a dialect's reader of a value says the same in SQL, of the value as text; '' where the span has none."""


def _read(fact: dialects.Fact, value: str) -> str:
    if isinstance(fact.read, partial):
        return _kind(fact.read.args[0], value)
    return _READ[fact.read](value)


def facts() -> dict[str, str]:
    """Fact -> the expression that reads it from a row of ``otel_traces``: the first choice that says anything."""
    choices: dict[str, list[tuple[int, str]]] = {}
    for name, fact in dialects.FACTS.items():
        if fact.fact != "usage":
            choices.setdefault(fact.fact, []).append((fact.rank, _read(fact, f"SpanAttributes['{name}']")))
            if name.startswith("usage."):  # the SDK's own usage, as one JSON text
                path = ", ".join(f"'{part}'" for part in name.split(".")[1:])
                value = f"toString(JSONExtract(SpanAttributes['usage'], {path}, 'Nullable(Int64)'))"
                choices[fact.fact].append((1_000, _read(fact, f"ifNull({value}, '')")))
    ordered = {name: [text for _, text in sorted(found)] for name, found in choices.items()}
    return {name: found[0] if len(found) == 1 else f"coalesce({', '.join(found)})" for name, found in ordered.items()}


def _namespace_of_resource() -> str:
    names = [name for name, fact in dialects.FACTS.items() if fact.fact == "namespace"]
    return f"coalesce({', '.join(_text(f'ResourceAttributes[{name!r}]') for name in names)}, 'default')"


def _told() -> str:
    """SELECT of every fact (``f_x``) and of what OTLP itself says of a span, from otel_traces."""
    said = {f"f_{name}": text for name, text in facts().items()}
    said |= {
        "f_resource_namespace": _namespace_of_resource(),
        "s_trace_id": "lower(TraceId)", "s_span_id": "lower(SpanId)", "s_parent": "nullIf(lower(ParentSpanId), '')",
        "s_name": "SpanName", "s_start": _START, "s_end": _END, "s_status": _STATUS,
        "s_message": "nullIf(StatusMessage, '')", "s_service": "nullIf(toString(ServiceName), '')",
        "s_scope": "ScopeName", "s_attributes": _ATTRIBUTES, "s_events": _EVENTS,
        "s_resource": "toJSONString(ResourceAttributes)", "s_row": "rowNumberInBlock()",
    }  # fmt: skip
    columns = ", ".join(f"{text} AS {name}" for name, text in said.items())
    return f"SELECT {columns} FROM otel_traces WHERE TraceId <> '' AND SpanId <> ''"


def _keyed() -> str:
    """The same with the run key, and with tokens; a usage that is zero throughout is one that nobody reported."""
    named = "f_workflow_id IS NOT NULL AND f_run_id IS NOT NULL"
    used = " OR ".join(f"ifNull(f_{kind}, 0) > 0" for kind in schema.TOKEN_KINDS)
    more = {"k_namespace": f"if({named}, coalesce(f_namespace, f_resource_namespace), '')"}
    more |= {f"k_{name}": f"if({named}, assumeNotNull(f_{name}), '')" for name in ("workflow_id", "run_id")}
    more |= {f"k_{kind}": f"if({used}, f_{kind}, NULL)" for kind in schema.TOKEN_KINDS}
    return f"SELECT *, {', '.join(f'{text} AS {name}' for name, text in more.items())} FROM ({_told()})"


def select_spans() -> str:
    """Rows of ``spans_stored``."""
    columns = {name: f"k_{name}" for name in schema.RUN_KEY}
    columns |= {name: f"s_{name}" for name in schema.SPANS.names if name not in schema.RUN_KEY}
    columns |= {name: f"f_{name}" for name in ("kind", "activity_id", "attempt", "agent", "model")}
    columns |= {f"{kind}_tokens": f"k_{kind}" for kind in schema.TOKEN_KINDS}
    columns |= {"parent_span_id": "s_parent", "status_message": "s_message"}
    columns |= {"received": _NOW, "seq": f"{_NOW} + s_row"}
    return _select(columns, "") + f" FROM ({_keyed()})"


def select_attempts() -> str:
    """Rows of ``span_attempts_stored``: as collector/attempts.py makes them, but for those that only began."""
    columns = {name: f"k_{name}" for name in schema.RUN_KEY}
    columns |= {name: f"f_{name}" for name in attempts.TAKEN}
    columns |= {f"tokens_{kind}": f"k_{kind}" for kind in schema.TOKEN_KINDS}
    statuses = ", ".join(f"'{status}'" for status in Status)
    columns |= {
        "status": f"multiIf(f_status IN ({statuses}), f_status, s_end IS NULL, '{Status.RUNNING}', "
                  f"s_status = 'error', '{Status.ERROR}', '{Status.OK}')",
        "source": f"'{Source.SPAN}'", "started": "coalesce(f_started, s_start)", "ended": "s_end",
        "error_message": "coalesce(f_error_message, s_message)", "estimated": "false",
        "skew_ms": "(s_start - f_started) / 1000.0", "is_local": "f_is_local", "begun_only": "s_end IS NULL",
        "trace_id": "s_trace_id", "span_id": "s_span_id",
    }  # fmt: skip
    wanted = (
        f"f_kind = '{c.SPAN_ATTEMPT}' AND s_scope <> '{c.SCOPE_RECONSTRUCTED}' AND k_run_id <> '' "
        "AND f_activity_id IS NOT NULL AND f_attempt IS NOT NULL"
    )
    return _select(columns, f", {_NOW} + s_row AS _version") + f" FROM ({_keyed()}) WHERE {wanted}"


def _select(columns: Mapping[str, str], more: str) -> str:
    listed = ", ".join(f"{text} AS `{name}`" for name, text in columns.items())
    return f"SELECT {listed}{more}, '{WRITER}' AS _writer"


def fillings() -> Iterator[tuple[str, str, str]]:
    """(name, into, SELECT) of the materialised views."""
    yield "otel_spans", "spans_stored", select_spans()
    yield "otel_span_attempts", "span_attempts_stored", select_attempts()

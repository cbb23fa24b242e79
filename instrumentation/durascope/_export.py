"""Providers of our own, for a program that gives none: OTLP exporters set up by the standard ``OTEL_*`` variables."""

import os
from collections.abc import Sequence
from urllib.parse import urlsplit

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as SUPPRESS
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from durascope._buffer import Buffer

GRPC_PORT = 4317
BUFFERED = 20_000  # items; some 40 MB of spans at the very most


class BufferedSpanProcessor(SpanProcessor):
    """Exports ended spans soon, and keeps them while the collector is away. ``size`` bounds what is kept, in spans."""

    def __init__(self, exporter: SpanExporter, *, size: int = BUFFERED) -> None:
        self._exporter = exporter
        self.buffer: Buffer[ReadableSpan] = Buffer(self._send, size=size, name="spans")

    def _send(self, spans: Sequence[ReadableSpan]) -> bool:
        with _Unobserved():
            return self._exporter.export(spans) is SpanExportResult.SUCCESS

    def on_end(self, span: ReadableSpan) -> None:
        """See base class."""
        self.buffer.put(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See base class."""
        return self.buffer.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """See base class."""
        self.buffer.close(1.0)
        self._exporter.shutdown()


class BufferedLogProcessor(LogRecordProcessor):
    """The same for log records."""

    def __init__(self, exporter: LogRecordExporter, *, size: int = BUFFERED) -> None:
        self._exporter = exporter
        self.buffer: Buffer[ReadableLogRecord] = Buffer(self._send, size=size, name="logs", gap_s=0.25)

    def _send(self, records: Sequence[ReadableLogRecord]) -> bool:
        with _Unobserved():
            return self._exporter.export(records) is LogRecordExportResult.SUCCESS

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """See base class."""
        resource = log_record.resource
        assert resource is not None
        scope = log_record.instrumentation_scope
        self.buffer.put(ReadableLogRecord(log_record.log_record, resource, scope, log_record.limits))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See base class."""
        return self.buffer.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """See base class."""
        self.buffer.close(1.0)
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # untyped in the SDK


class _Unobserved:
    # Instrumentations of HTTP and gRPC clients honour this key, so that an export is never traced itself.
    def __enter__(self) -> None:
        self._token = attach(set_value(SUPPRESS, True))

    def __exit__(self, *_: object) -> None:
        detach(self._token)


def uses_http(signal: str) -> bool:
    """Whether OTLP for this signal goes over HTTP rather than gRPC."""
    protocol = variable(signal, "PROTOCOL")
    if protocol:
        return protocol.startswith("http")
    # The specification's default is HTTP; an endpoint on gRPC's own port says otherwise.
    return urlsplit(variable(signal, "ENDPOINT")).port != GRPC_PORT


def variable(signal: str, name: str) -> str:
    """A variable of the OTLP exporters: the signal's own, else the one for all; empty if unset."""
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _span_exporter() -> SpanExporter:
    if uses_http("TRACES"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

        return HttpExporter()
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

    return GrpcExporter()


def _log_exporter() -> LogRecordExporter:
    if uses_http("LOGS"):
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter

        return HttpExporter()
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter

    return GrpcExporter()


def _metric_exporter() -> MetricExporter:
    if uses_http("METRICS"):
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

        return HttpExporter()
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

    return GrpcExporter()


def switched_off(signal: str) -> bool:
    """Whether the environment wants nothing of this signal."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return off or os.environ.get(f"OTEL_{signal}_EXPORTER", "").lower() == "none"


def own_tracer_provider(size: int) -> TracerProvider | None:
    """A provider that exports over OTLP within a second; None if the environment switches traces off."""
    if switched_off("TRACES"):
        return None
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BufferedSpanProcessor(_span_exporter(), size=size))
    return provider


def own_logger_provider(size: int) -> LoggerProvider | None:
    """The same for log records."""
    if switched_off("LOGS"):
        return None
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BufferedLogProcessor(_log_exporter(), size=size))
    return provider


def own_meter_provider() -> MeterProvider | None:
    """The same for metrics; the interval is ``OTEL_METRIC_EXPORT_INTERVAL``'s."""
    if switched_off("METRICS"):
        return None
    return MeterProvider([PeriodicExportingMetricReader(_metric_exporter())], shutdown_on_exit=False)

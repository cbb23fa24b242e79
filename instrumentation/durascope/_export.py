"""Providers of our own, for a program that has none: OTLP exporters set up by the standard ``OTEL_*`` variables."""

import os
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

# The SDK's default is five seconds; a crash loses what it has not sent.
SCHEDULE_MS = 200


def _uses_http(signal: str) -> bool:
    protocol = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    return (protocol or "grpc").startswith("http")


def _span_exporter() -> SpanExporter:
    if _uses_http("TRACES"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

        return HttpExporter()
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

    return GrpcExporter()


def _log_exporter() -> Any:
    if _uses_http("LOGS"):
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter

        return HttpExporter()
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter

    return GrpcExporter()


def own_tracer_provider() -> TracerProvider:
    """A provider that exports over OTLP within a second."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_span_exporter(), schedule_delay_millis=SCHEDULE_MS))
    return provider


def own_logger_provider() -> LoggerProvider:
    """The same for log records."""
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(_log_exporter(), schedule_delay_millis=SCHEDULE_MS))
    return provider

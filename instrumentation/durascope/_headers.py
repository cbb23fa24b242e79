"""Temporal headers that carry a trace: Temporal's own `_tracer-data`, and ours. Pure."""

import json
from collections.abc import Mapping

from temporalio.api.common.v1 import Payload

from durascope import conventions as c
from durascope.identity import RemoteContext, parse_traceparent

Headers = Mapping[str, Payload]
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode  # `dumps` would make an encoder for each header


def read(headers: Headers, name: str) -> dict[str, object]:
    """The JSON object in a header; empty if it is missing, encrypted or anything else."""
    payload = headers.get(name)
    if payload is None or payload.metadata.get("encoding") != b"json/plain":
        return {}
    try:
        value = json.loads(payload.data)
    except ValueError:
        return {}  # somebody else's header: not ours to judge
    return value if isinstance(value, dict) else {}


def write(value: Mapping[str, object]) -> Payload:
    """A JSON payload, as Temporal's default converter writes it."""
    return Payload(metadata={"encoding": b"json/plain"}, data=_ENCODE(value).encode())


def text(header: Mapping[str, object], name: str) -> str | None:
    """A string field of a header, or None."""
    value = header.get(name)
    return value if isinstance(value, str) else None


def remote_context(headers: Headers) -> RemoteContext | None:
    """The W3C context in Temporal's own header."""
    return parse_traceparent(read(headers, c.HEADER_TRACER).get("traceparent"))


def origin(ours: Mapping[str, object], tracer: Mapping[str, object]) -> RemoteContext | None:
    """Where a run that is no continuation hangs, by both headers of its start: other interceptors write the latter."""
    return parse_traceparent(ours.get("traceparent")) or parse_traceparent(tracer.get("traceparent"))


def with_traceparent(headers: Headers, traceparent: str) -> Headers:
    """The headers with Temporal's own tracing header, unless somebody has set it already."""
    if c.HEADER_TRACER in headers:
        return headers
    return {**headers, c.HEADER_TRACER: write({"traceparent": traceparent})}

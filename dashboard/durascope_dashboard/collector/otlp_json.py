"""OTLP's JSON, which is protobuf's JSON but for one thing: ids are hex there, not base64."""

import base64
import json
from typing import Any

from google.protobuf import json_format

from durascope_dashboard.collector.otlp import MalformedRequest

_IDS = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})


def json_request(body: bytes, message: Any) -> bytes:
    """An OTLP JSON body as the protobuf bytes of ``message``. Raises MalformedRequest."""
    try:
        parsed = json.loads(body, object_pairs_hook=_with_ids)
        if not isinstance(parsed, dict):
            raise MalformedRequest("the body is not an OTLP JSON object")
        request = json_format.ParseDict(parsed, message(), ignore_unknown_fields=True)
    except (ValueError, json_format.ParseError, RecursionError) as error:
        raise MalformedRequest(f"the body is not OTLP JSON ({str(error)[:200]})") from error
    return bytes(request.SerializeToString())


def _with_ids(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: _base64(value) if key in _IDS and isinstance(value, str) else value for key, value in pairs}


def _base64(value: str) -> str:
    return base64.b64encode(bytes.fromhex(value)).decode()

"""What is read out of payloads: headers, the requested model, usage. Everything else in a payload is left alone."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import Payload

from durascope._tokens import tokens_of
from durascope.records import Tokens

Decode = Callable[[Payload], Payload | None]
"""A payload codec's inverse; None when it cannot decode."""

_READABLE = (b"json/plain", b"json/protobuf")
# The integration writes model_name first, so that the conversation behind it need not be parsed.
_MODEL_NAME = re.compile(rb'\s*\{\s*"model_name"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*"|null)')
_CONVERSATION = re.compile(rb'"conversation_id"\s*:\s*"([^"\\]+)"\s*,\s*"prompt"\s*:\s*null\s*\}\s*$')


@dataclass(frozen=True, slots=True)
class ModelResult:
    """What a model activity's result tells: ``tokens`` None when the provider reported nothing."""

    tokens: Tokens | None
    response_id: str | None
    model: str | None
    calls: frozenset[str]  # names of the functions the model asked for


def readable(payload: Payload, decode: Decode | None) -> Payload | None:
    """The payload as JSON bytes, decoded if need be; None when it cannot be read (encrypted, binary)."""
    if payload.metadata.get("encoding") in _READABLE:
        return payload
    decoded = decode(payload) if decode is not None and payload.metadata else None
    return decoded if decoded is not None and decoded.metadata.get("encoding") in _READABLE else None


def json_value(payload: Payload, decode: Decode | None) -> Any:
    """The payload's JSON value; None when it cannot be read."""
    plain = readable(payload, decode)
    if plain is None:
        return None
    try:
        return json.loads(plain.data.decode())  # bytes would make it guess the encoding first
    except ValueError:  # not what its encoding says: as good as unreadable
        return None


def json_object(payload: Payload | None, decode: Decode | None) -> dict[str, Any]:
    """The payload's JSON object; empty when it is none."""
    value = json_value(payload, decode) if payload is not None else None
    return value if isinstance(value, dict) else {}


def model_input(payload: Payload, decode: Decode | None) -> tuple[str | None, str | None]:
    """``model_name`` and ``conversation_id`` of an ``ActivityModelInput``, without parsing what lies between them."""
    plain = readable(payload, decode)
    if plain is None:
        return None, None
    data = plain.data
    last = _CONVERSATION.search(data[-2048:])
    conversation_id = last.group(1).decode(errors="replace") if last else None
    found = _MODEL_NAME.match(data)
    if found is None:
        name = json_object(plain, None).get("model_name")
    else:
        quoted = found.group(1)
        name = json.loads(quoted) if b"\\" in quoted or quoted == b"null" else quoted[1:-1].decode(errors="replace")
    return (name if isinstance(name, str) else None), conversation_id


def model_result(payload: Payload, decode: Decode | None) -> ModelResult | None:
    """Usage of a ``ModelResponse``, or of the final event of a streamed one; None when it cannot be read."""
    value = json_value(payload, decode)
    if isinstance(value, list):
        final = [e["response"] for e in value if isinstance(e, dict) and isinstance(e.get("response"), dict)]
        value = final[-1] if final else {}
    if not isinstance(value, dict):
        return None
    output = value.get("output")
    calls = (
        item.get("name")
        for item in (output if isinstance(output, list) else ())
        if isinstance(item, dict) and item.get("type") == "function_call"
    )
    return ModelResult(
        tokens=tokens_of(value.get("usage")),
        response_id=_text(value.get("response_id") or value.get("id")),
        model=_text(value.get("model")),
        calls=frozenset(name for name in calls if isinstance(name, str)),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

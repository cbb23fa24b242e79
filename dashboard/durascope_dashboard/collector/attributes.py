"""OTLP KeyValues, from raw bytes, each distinct one decoded once.

A decoded attribute is ``(key, value, text)``: ``value`` as Python sees it, ``text`` its ``"key":value`` JSON member.
"""

import base64
import json
import math
from typing import Any, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

MAX_CACHED = 100_000
MAX_CACHED_BYTES = 256  # longer ones are prompts and answers: never the same twice


class Attribute(NamedTuple):
    """One decoded KeyValue."""

    key: str
    value: Any
    text: str


_cache: dict[bytes, Attribute] = {}


def decode(raw: bytes) -> Attribute:
    """Decode one KeyValue; equal bytes give the same object. Raises DecodeError if it is none."""
    found = _cache.get(raw)
    if found is None:
        found = _parse(raw)
        if len(raw) <= MAX_CACHED_BYTES:
            if len(_cache) >= MAX_CACHED:
                _cache.clear()  # cheaper than evicting one by one, and it fills again within a second
            _cache[raw] = found
    return found


def _parse(raw: bytes) -> Attribute:
    pair = KeyValue.FromString(raw)
    value = plain(pair.value)
    return Attribute(pair.key, value, f"{dump(pair.key)}:{dump(value)}")


def plain(value: AnyValue) -> Any:
    """An AnyValue as JSON-ready Python; bytes become base64, NaN and infinities their names."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: plain(item.value) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    found = getattr(value, kind)
    return str(found) if kind == "double_value" and not math.isfinite(found) else found


def dump(value: Any) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def members(raws: Any) -> tuple[dict[str, Any], str]:
    """Attributes as a dict and as one JSON object text; of equal keys the last wins in both."""
    decoded = [_cache.get(raw) or decode(raw) for raw in raws]
    values = {key: value for key, value, _ in decoded}
    if len(values) != len(decoded):
        return values, dump(values)
    return values, "{" + ",".join([text for _, _, text in decoded]) + "}"

"""OTLP KeyValues, from raw bytes, each distinct one decoded once.

Agent spans repeat most of their attributes from span to span: facts.py finds the distinct ones of a batch in C++,
and only those come here.
"""

import base64
import json
import math
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

from durascope_dashboard.collector import dialects
from durascope_dashboard.collector.wire import KeyValue

MAX_CACHED: Final = 50_000
MAX_CACHED_BYTES: Final = 256  # longer ones are prompts and answers: never the same twice
_STRING, _INTEGER = 0x0A, 0x18  # tags of AnyValue's two commonest fields


class Attribute(NamedTuple):
    """One decoded KeyValue: its ``"key":value`` JSON member, and the fact that it states (dialects.py), "" if none."""

    key: str
    text: str
    fact: str
    rank: int
    stated: Any
    value: Any


_cache: dict[bytes, Attribute] = {}
_keys: dict[bytes, tuple[str, str]] = {}  # the key as on the wire -> the key, and as the start of a JSON member


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
    split = raw[1] + 2 if len(raw) > 1 and raw[0] == 0x0A and raw[1] < 0x80 else 0
    known = _keys.get(raw[:split])
    value = _short(raw, split) if known is not None else None
    if known is None or value is None:
        return _parse_any(raw, split)
    key, start = known
    text = encode_basestring(value) if type(value) is str else str(value)
    return Attribute(key, start + text, *dialects.read(key, value), value)


def _short(raw: bytes, at: int) -> str | int | None:
    """A string below 126 bytes or an integer behind ``at``; None for anything else, which the general way reads."""
    end = len(raw)
    if end < at + 4 or raw[at] != 0x12 or raw[at + 1] != end - at - 2 or raw[at + 1] >= 0x80:
        return None
    tag = raw[at + 2]
    if tag == _STRING and raw[at + 3] == end - at - 4:
        return _text(raw[at + 4 :])
    if tag == _INTEGER and raw[end - 1] < 0x80 and end - at <= 13:
        value = 0
        for byte in raw[end - 1 : at + 2 : -1]:
            value = value << 7 | byte & 0x7F
        # A byte without the continuation bit before the last one ends the number early: not one plain integer.
        return value if value < 2**63 and all(byte & 0x80 for byte in raw[at + 3 : end - 1]) else None
    return None


def _parse_any(raw: bytes, split: int) -> Attribute:
    pair = KeyValue.FromString(raw)
    key, value = _text(pair.key), plain(pair.value)
    start = f"{dump(key)}:"
    if split and len(_keys) < MAX_CACHED and raw[2:split] == pair.key:
        _keys[raw[:split]] = key, start
    return Attribute(key, start + dump(value), *dialects.read(key, value), value)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def plain(value: Any) -> Any:
    """A wire AnyValue as JSON-ready Python; bytes become base64, NaN and infinities their names."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "string_value":
        return _text(value.string_value)
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {_text(item.key): plain(item.value) for item in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    found = getattr(value, kind)
    return str(found) if kind == "double_value" and not math.isfinite(found) else found


def dump(value: Any) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def member_text(raws: Sequence[bytes]) -> tuple[dict[str, Any], str]:
    """Attributes of one resource: the facts that they state, and the text of one JSON object; the last of equals."""
    members = {item.key: item for item in map(decode, raws)}.values()
    return {item.fact: item.stated for item in members}, "{" + ",".join(item.text for item in members) + "}"


def values(raws: Sequence[bytes]) -> dict[str, Any]:
    """Attributes as a plain dict."""
    return {item.key: item.value for item in map(decode, raws)}

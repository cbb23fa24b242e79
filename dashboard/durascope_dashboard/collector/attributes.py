"""OTLP KeyValues, from raw bytes, each distinct one decoded once.

Agent spans repeat most of their attributes from span to span, so a lookup by bytes replaces the walk through them:
that is what makes tens of thousands of spans a second possible in one Python process.
"""

import base64
import json
import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from durascope_dashboard.collector import dialects
from durascope_dashboard.collector.wire import KeyValue

MAX_CACHED: Final = 100_000
MAX_CACHED_BYTES: Final = 256  # longer ones are prompts and answers: never the same twice


class Attribute(NamedTuple):
    """One decoded KeyValue: its ``"key":value`` JSON member, and the fact that it states (dialects.py), "" if none."""

    key: str
    text: str
    fact: str
    rank: int
    stated: Any
    value: Any


_cache: dict[bytes, Attribute] = {}
_BY_RANK: Final = itemgetter(3)


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
    key, value = _text(pair.key), plain(pair.value)
    return Attribute(key, f"{dump(key)}:{dump(value)}", *dialects.read(key, value), value)


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


def decode_all(raws: Sequence[bytes]) -> tuple[dict[str, Any], str]:
    """Attributes as facts and as the text of one JSON object; of equal keys the last wins."""
    get = _cache.get
    decoded = [get(raw) or decode(raw) for raw in raws]
    if len({item[0] for item in decoded}) != len(decoded):
        decoded = list({item.key: item for item in decoded}.values())
    text = "{" + ",".join([item[1] for item in decoded]) + "}"
    decoded.sort(key=_BY_RANK)  # where two dialects state a fact, the first choice is written last and stays
    facts = {item[2]: item[4] for item in decoded}
    if "usage" in facts:
        facts = facts.pop("usage") | facts
    dialects.drop_zero_usage(facts)
    return facts, text


def values(raws: Sequence[bytes]) -> dict[str, Any]:
    """Attributes as a plain dict."""
    return {item.key: item.value for item in map(decode, raws)}

"""Bodies as they are inflated: whole, member by member, and never more than may be held."""

import gzip
import json
import time
import zlib
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from durascope_dashboard.collector.otlp import MalformedRequest
from durascope_dashboard.collector.otlp_json import json_request
from durascope_dashboard.collector.payloads import Budget, Hold, Overloaded, PayloadTooLarge, inflate


def inflated(body: bytes, limit: int = 1 << 20) -> bytes:
    return inflate(body, "gzip", Hold(Budget()).take, limit)


def test_every_member_of_a_gzip_body_is_read() -> None:
    """Gzip may be written in parts, one after another; also an empty one, and one longer than what is read at once."""
    parts = [b"first ", b"", bytes(range(256)) * 1000, b"last"]
    assert inflated(b"".join(gzip.compress(part) for part in parts)) == b"".join(parts)
    assert inflate(zlib.compress(b"text"), "Deflate", Hold(Budget()).take) == b"text"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "ends too early"),
        (gzip.compress(b"text")[:-1], "ends too early"),
        (gzip.compress(b"text") + gzip.compress(b"text")[:-9], "ends too early"),
        (gzip.compress(b"text") + b"garbage", "not valid gzip"),
        (gzip.compress(b"text") + b"\0" * 40_000, "not valid gzip"),
        (b"text", "not valid gzip"),
    ],
    ids=["empty", "cut", "second member cut", "garbage behind", "zeros behind", "plain"],  # gzip holds the time
)
def test_a_rest_that_is_no_gzip_is_refused(body: bytes, says: str) -> None:
    """What follows a member might have been spans: nothing of such a body is taken."""
    with pytest.raises(MalformedRequest, match=says):
        inflated(body)


def test_the_limit_is_of_all_members_together() -> None:
    """However little each of them is."""
    member = gzip.compress(b"\0" * 1000)
    assert len(inflated(member * 10, limit=10_000)) == 10_000
    with pytest.raises(PayloadTooLarge, match="more than 9999 bytes"):
        inflated(member * 10, limit=9_999)


def test_inflating_ends_where_the_budget_does() -> None:
    """What was inflated until then is held, and no byte more; then it is given back."""
    budget = Budget(limit=5 << 20)
    hold = Hold(budget)
    with pytest.raises(Overloaded, match="send again"):
        inflate(gzip.compress(b"\0" * (40 << 20)), "gzip", hold.take)
    assert 0 < budget.held <= 5 << 20
    hold.give()
    assert budget.held == 0


@pytest.mark.parametrize("path", [["resourceSpans"], ["resourceSpans", "scopeSpans", "spans", "attributes"]])
def test_json_that_lists_too_much_is_refused_at_once(path: list[str]) -> None:
    """A million empty objects are 3 MB, and to read them as messages would take ten seconds."""
    value: Any = [{}] * 1_000_000
    for name in reversed(path):
        value = [{name: value}]
    body = json.dumps(value[0], separators=(",", ":")).encode()
    begun = time.process_time()
    with pytest.raises(MalformedRequest, match=r"^the body lists more than 500,000 things; send smaller batches"):
        json_request(body, ExportTraceServiceRequest)
    assert time.process_time() - begun < 5

"""Agents spans outside of Temporal, in a client say: told as those in a run are."""

import pytest
from agents import SpanError, custom_span, set_trace_processors, trace
from temporalio.client import Client

from durascope import conventions as c
from durascope._content import VARIABLE
from durascope.testing import InMemory, attribute
from durascope_dashboard.demo.dev_server import DevServer


@pytest.mark.parametrize("captured", [False, True], ids=["bare", "captured"])
async def test_a_failed_span_has_its_error_and_what_was_asked_for(
    temporal_server: DevServer, monkeypatch: pytest.MonkeyPatch, captured: bool
) -> None:
    """Its type, its message, and its content if that is captured, on the span and as an event."""
    set_trace_processors([])
    monkeypatch.setenv(VARIABLE, "SPAN_AND_EVENT" if captured else "NO_CONTENT")
    telemetry = InMemory()
    await Client.connect(temporal_server.address, plugins=[telemetry.plugin()])
    with trace("Ask"), custom_span("prepare", {"question": "why"}) as span:
        span.set_error(SpanError(message="no idea", data=None))
    telemetry.assert_tree("""
        Ask
          prepare error _OTHER
    """)
    (found,) = telemetry.spans(c.SPAN_CUSTOM)
    assert (found.status.description, attribute(found, c.ERROR_TYPE)) == ("no idea", c.ERROR_TYPE_OTHER)
    content = '{"question": "why"}' if captured else None
    assert attribute(found, c.CONTENT_PREFIX + "data") == content
    assert len(telemetry.events(c.EVENT_CONTENT)) == captured

"""Prompts and answers: not captured unless asked for, redacted first, and cut to size."""

from typing import Any

import pytest

from durascope import DurascopePlugin
from durascope import conventions as c
from durascope._content import VARIABLE, Capture, Content
from durascope.exceptions import ConfigurationError
from durascope.testing import InMemory
from tests.instrumentation.inside import run, working
from tests.instrumentation.world import World

SECRET = "hunter2"


def content(attributes: Any) -> dict[str, str]:
    """The captured values."""
    return {name: str(value) for name, value in attributes.items() if name.startswith(c.CONTENT_PREFIX)}


async def everything(world: World, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> InMemory:
    """What a run tells whose prompt has the secret in it."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin(**settings)]) as (client, queue):
        await run(client, queue, f"{SECRET} flaky")
    return telemetry


async def test_nothing_is_captured_unless_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in any attribute of any span or event, but for the workflow id that the caller chose."""
    telemetry = await everything(world, monkeypatch)
    told = [dict(span.attributes or {}) for span in telemetry.spans()]
    told += [dict(event.log_record.attributes or {}) for event in telemetry.events()]
    found = [name for attributes in told for name, value in attributes.items() if SECRET in str(value)]
    assert told and set(found) <= {c.WORKFLOW_ID}
    assert telemetry.events(c.EVENT_CONTENT) == []


@pytest.mark.parametrize("capture", ["SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"])
async def test_captured_content_passes_the_redactor(
    world: World, monkeypatch: pytest.MonkeyPatch, capture: str
) -> None:
    """It sees every value before anything else does."""
    monkeypatch.setenv(VARIABLE, capture)

    def redact(name: str, value: str) -> str | None:
        return value.replace(SECRET, "***")

    telemetry = await everything(world, monkeypatch, redactor=redact)
    spans = [content(span.attributes) for span in telemetry.spans()]
    events = [content(event.log_record.attributes) for event in telemetry.events(c.EVENT_CONTENT)]
    assert any(spans) == ("SPAN" in capture)
    assert any(events) == ("EVENT" in capture)
    values = " ".join(value for each in spans + events for value in each.values())
    assert "***" in values and SECRET not in values


def test_long_values_are_cut_and_say_so() -> None:
    """The limit is in characters."""
    assert Content(Capture.SPAN_ONLY, limit=5).clean("x", "123456789") == "12345… (4 characters cut)"


def test_a_redactor_that_fails_keeps_the_secret() -> None:
    """Nothing leaves, and the run goes on."""

    def broken(name: str, value: str) -> str | None:
        raise KeyError(name)

    assert Content(Capture.SPAN_ONLY, redactor=broken).clean("x", SECRET) is None


def test_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused at set-up, in one sentence."""
    monkeypatch.setenv(VARIABLE, "SOMETIMES")
    with pytest.raises(ConfigurationError, match=f"{VARIABLE} is 'SOMETIMES'; set it to one of NO_CONTENT"):
        DurascopePlugin()

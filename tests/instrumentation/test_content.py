"""Prompts and answers: not captured unless asked for, redacted first, and cut to size."""

import os
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from durascope import DurascopePlugin, _safely
from durascope import conventions as c
from durascope._content import VARIABLE, Capture, Content
from durascope.exceptions import ConfigurationError
from durascope.testing import InMemory
from tests.instrumentation.inside import run, working
from tests.instrumentation.world import World

SECRET = "hunter2"
# Of a message, a call, its arguments, its result, an error, and of instructions, which are not captured.
PARTS = ("user", "function_call", '{"text":', "found", "cannot find", "Find it")
CAPTURED = {
    *((c.CONTENT_PREFIX + "input", part) for part in ("user", "function_call", '{"text":', "found")),
    *((c.CONTENT_PREFIX + "output", part) for part in ("function_call", "found")),
}


def content(attributes: Any) -> dict[str, str]:
    """The captured values."""
    return {name: str(value) for name, value in attributes.items() if name.startswith(c.CONTENT_PREFIX)}


def told(telemetry: InMemory) -> list[tuple[str, str]]:
    """Every attribute and every status message that leaves."""
    spans, events = telemetry.spans(), [*telemetry.events(), *telemetry.events(c.EVENT_CONTENT)]
    found = [dict(each or {}) for each in (*(s.attributes for s in spans), *(e.log_record.attributes for e in events))]
    found += [{"status": span.status.description} for span in spans]
    return [(name, str(value)) for attributes in found for name, value in attributes.items()]


async def everything(world: World, monkeypatch: pytest.MonkeyPatch, words: str, **settings: Any) -> InMemory:
    """What a run tells whose prompt has the secret in it."""
    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin(**settings)]) as (client, queue):
        await run(client, queue, f"{SECRET} {words}")
    return telemetry


async def test_nothing_is_captured_unless_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in any attribute of any span or event, but for the workflow id that the caller chose."""
    telemetry = await everything(world, monkeypatch, "flaky")
    found = [name for name, value in told(telemetry) if SECRET in value]
    assert found and set(found) <= {c.WORKFLOW_ID}
    assert telemetry.events(c.EVENT_CONTENT) == []


@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"])
async def test_the_redactor_sees_every_value_first(world: World, monkeypatch: pytest.MonkeyPatch, capture: str) -> None:
    """Messages, the model's answers, arguments and results of tools where they are captured; error messages always."""
    monkeypatch.setenv(VARIABLE, capture)
    seen: set[tuple[str, str]] = set()

    def redact(name: str, value: str) -> str | None:
        seen.update((name, part) for part in PARTS if part in value)
        return value.replace(SECRET, "***")

    telemetry = await everything(world, monkeypatch, "leaky", redactor=redact)
    spans = [content(span.attributes) for span in telemetry.spans()]
    events = [content(event.log_record.attributes) for event in telemetry.events(c.EVENT_CONTENT)]
    assert any(spans) == ("SPAN" in capture)
    assert any(events) == ("EVENT" in capture)
    assert seen == {(c.ERROR_MESSAGE, "cannot find"), *(() if capture == "NO_CONTENT" else CAPTURED)}
    assert not [name for name, value in told(telemetry) if SECRET in value and name != c.WORKFLOW_ID]
    assert "cannot find ***" in [value.partition(" leaky")[0] for _, value in told(telemetry)]


def test_long_values_are_cut_and_say_so() -> None:
    """The limit is in characters."""
    assert Content(Capture.SPAN_ONLY, limit=5).clean("x", "123456789") == "12345… (4 characters cut)"


async def test_a_redactor_may_take_its_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds up telemetry, never a run; and it may open files, which the workflow sandbox would not let it do."""
    monkeypatch.setenv(VARIABLE, "SPAN_ONLY")
    free, threads = threading.Event(), set[str]()

    def redact(name: str, value: str) -> str | None:
        threads.add(threading.current_thread().name)
        free.wait(60)
        Path(os.devnull).open().close()
        return "***"

    telemetry = InMemory()
    async with working(world, monkeypatch, [telemetry.plugin(redactor=redact)]) as (client, queue):
        await run(client, queue, f"{SECRET} leaky")
        free.set()
    assert {"***"} == {value for span in telemetry.spans() for value in content(span.attributes).values()}
    assert threads == {"durascope-jobs"}


def test_a_redactor_that_fails_keeps_the_secret(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing leaves, not in the log either, and the run goes on."""
    monkeypatch.setattr(_safely, "_failures", Counter())

    def broken(name: str, value: str) -> str | None:
        raise ValueError(f"cannot parse {value}")

    assert Content(Capture.SPAN_ONLY, redactor=broken).clean("x", SECRET) is None
    assert "durascope failed in redactor (ValueError)" in caplog.text
    assert SECRET not in caplog.text


def test_a_value_that_is_no_json_costs_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told in Python's words; if it has none it is left out, and its span is told all the same."""
    monkeypatch.setattr(_safely, "_failures", Counter())

    class Mute:
        def __str__(self) -> str:
            raise RuntimeError(SECRET)

        __repr__ = __str__

    data = SimpleNamespace(data={("a", 1): 2}, input=Mute(), output={"b": 3})
    assert Content(Capture.SPAN_ONLY).of(data) == {
        c.CONTENT_PREFIX + "data": "{('a', 1): 2}",
        c.CONTENT_PREFIX + "output": '{"b": 3}',
    }
    assert "RuntimeError" in caplog.text and SECRET not in caplog.text


def test_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused at set-up, in one sentence."""
    monkeypatch.setenv(VARIABLE, "SOMETIMES")
    with pytest.raises(ConfigurationError, match=f"{VARIABLE} is 'SOMETIMES'; set it to one of NO_CONTENT"):
        DurascopePlugin()

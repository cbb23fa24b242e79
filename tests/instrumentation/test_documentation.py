"""What the plugin takes and sends is in its documentation."""

import importlib
import inspect
import textwrap
from pathlib import Path

import pytest

import durascope
from durascope import DurascopePlugin
from durascope import conventions as c
from durascope._content import VARIABLE, Capture
from durascope_dashboard.demo.dev_server import DevServer

TEXT = (Path(__file__).parents[2] / "docs" / "instrumentation.md").read_text()


def test_every_setting_is_documented() -> None:
    """``clock`` is for tests of the plugin itself."""
    settings = set(inspect.signature(DurascopePlugin).parameters) - {"clock"}
    assert [name for name in settings if f"`{name}`" not in TEXT] == []
    assert all(f"`{each}`" in TEXT for each in (VARIABLE, *Capture))


def test_every_metric_is_documented() -> None:
    """By its whole name, or by the end of it beside another of the family."""
    names = {value for name, value in vars(c).items() if name.startswith("METRIC_")}
    assert [n for n in names if f"`{n}`" not in TEXT and f"`.{n.rpartition('.')[2]}`" not in TEXT] == []


def test_the_package_shows_exactly_the_plugin() -> None:
    """Anything else is imported from its own module."""
    assert durascope.__all__ == ["DurascopePlugin"]
    assert durascope.DurascopePlugin is DurascopePlugin


async def test_the_example_of_a_users_own_test_passes(
    temporal_server: DevServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands, in a file of its own."""
    after = TEXT.partition("## In your own tests\n")[2]
    code = textwrap.dedent(after.partition("`telemetry.spans()`")[0])
    (tmp_path / "documented_example.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    await importlib.import_module("documented_example").test_forecast(temporal_server.address)

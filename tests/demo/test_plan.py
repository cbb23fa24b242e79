"""Ports and environments of the demo."""

import socket
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from durascope_dashboard.demo.errors import DemoError
from durascope_dashboard.demo.plan import Plan
from durascope_dashboard.demo.ports import Ports
from durascope_dashboard.demo.run import run_demo


def test_free_ports_are_all_different() -> None:
    """Six servers never share one."""
    assert len(set(astuple(Ports.free()))) == 6


def test_a_port_in_use_is_named_with_its_purpose_and_the_way_out() -> None:
    """One sentence, before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            DemoError, match=f"port {port}, which the demo needs for the collector, is in use; .*--free-"
        ):
            run_demo(ports=replace(Ports.free(), otlp_http=port))


def test_live_without_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started that could only fail."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(DemoError, match="--live needs OPENAI_API_KEY"):
        run_demo(live=True, ports=Ports.free())


def test_children_do_not_inherit_settings_that_point_elsewhere(tmp_path: Path) -> None:
    """A shell set up for a cloud namespace must not send the demo's runs there; a real key goes nowhere by mistake."""
    given = {
        "PATH": "/bin",
        "TEMPORAL_API_KEY": "secret",
        "TEMPORAL_PROFILE": "production",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
        "OPENAI_API_KEY": "real",
    }
    plan = Plan(tmp_path, tmp_path, Ports())
    environment = plan.environment(given)
    assert environment["PATH"] == "/bin"
    assert environment["TEMPORAL_ADDRESS"] == "127.0.0.1:7233"
    assert environment["OPENAI_API_KEY"] == "scripted"
    assert not {"TEMPORAL_API_KEY", "TEMPORAL_PROFILE", "OTEL_EXPORTER_OTLP_HEADERS"} & set(environment)
    live = replace(plan, live=True).environment(given)
    assert live["OPENAI_API_KEY"] == "real" and "OPENAI_BASE_URL" not in live

"""Sign-in: nothing is asked for without settings; with them, no page is drawn for a stranger."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "dashboard" / "durascope_dashboard" / "app.py"
AUTH = {
    "redirect_uri": "http://localhost/oauth2callback", "cookie_secret": "x" * 32, "client_id": "id",
    "client_secret": "secret", "server_metadata_url": "http://localhost/.well-known/openid-configuration",
}  # fmt: skip


def test_a_stranger_sees_the_way_in_and_nothing_else(monkeypatch: pytest.MonkeyPatch, fleet_store: Path) -> None:
    """With an [auth] section the page holds one button, and no data."""
    monkeypatch.setenv("DURASCOPE_STORE", str(fleet_store))
    monkeypatch.delenv("DURASCOPE_SERVER", raising=False)
    page = AppTest.from_file(APP, default_timeout=90)
    page.secrets["auth"] = AUTH
    page.run()
    assert not page.exception
    assert [button.label for button in page.button] == ["Sign in"]
    assert not page.dataframe and not page.caption


def test_nothing_is_asked_for_without_settings(monkeypatch: pytest.MonkeyPatch, fleet_store: Path) -> None:
    """On loopback the Runs page opens at once."""
    monkeypatch.setenv("DURASCOPE_STORE", str(fleet_store))
    monkeypatch.delenv("DURASCOPE_SERVER", raising=False)
    page = AppTest.from_file(APP, default_timeout=90).run()
    assert not page.exception
    assert "durascope_table" in [element.proto.component_name for element in page.get("bidi_component")]
    assert "Sign in" not in [button.label for button in page.button]

"""The Run page's logic: what it says of a run, whatever the run is."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from durascope_dashboard.collector.settings import Access, Settings
from tests.collector.running import RunningCollector
from tests.dashboard import synthetic
from tests.dashboard.conftest import OpenPage

TAG = re.compile(r"<[^>]*>")


def said(page: AppTest) -> str:
    """All text on the page, without markup."""
    words = [*page.caption, *page.markdown, *page.text, *page.subheader]
    found = [element.value for element in words]
    found += [TAG.sub(" ", element.proto.body) for element in page.get("html")]
    return "\n".join(str(part) for part in found)


def test_a_run_shows_its_outcome_trust_times_and_tokens(open_page: OpenPage) -> None:
    """The four questions of the first screen: what came of it, can I trust this, where did time and tokens go."""
    text = said(open_page("run", workflow_id="research-4"))
    assert "research-4" in text and "33 attempts, 9 retries" in text
    assert "History: 33 attempts. Telemetry: 33." in text
    assert "backoff 23.0 s · 46 %" in text
    assert "3 attempts with unknown usage: counted as attempts, not as 0 tokens." in text


def test_a_selected_operation_lists_each_attempt(open_page: OpenPage) -> None:
    """The link's span is selected, with queue, run, backoff, error and who dictated the delay of each attempt."""
    page = open_page("run", workflow_id="triage-now", span="activity:4")
    text = said(page)
    assert "Attempt 1" in text and "Attempt 2" in text
    assert "RateLimitError: 429: slow down" in text
    assert "4.00 s, by the server (Retry-After)" in text


def test_a_run_from_history_alone_says_what_is_missing(open_page: OpenPage) -> None:
    """No telemetry is said with what would mend it, and middle attempts are estimates, not facts."""
    text = said(open_page("run", workflow_id="research-history"))
    assert "No worker telemetry" in text and "DurascopePlugin()" in text


def test_an_unknown_run_is_explained(open_page: OpenPage) -> None:
    """A link to a run that is not there names the run and the command that would read it."""
    text = said(open_page("run", workflow_id="nobody", run_id="never"))
    assert "run never of workflow nobody" in text and "durascope backfill" in text


def test_a_link_without_a_run_asks_which(open_page: OpenPage) -> None:
    """The page opened from the menu has no run yet."""
    assert "Which run?" in said(open_page("run"))


def test_names_never_become_markup(open_page: OpenPage) -> None:
    """A workflow type that is an image tag is shown as text, wherever it appears."""
    page = open_page("run", workflow_id="hostile-1")
    bodies = [element.proto.body for element in page.get("html")]
    assert any("&lt;img src=x" in body for body in bodies)
    assert not any("<img" in body for body in bodies)
    assert synthetic.HOSTILE not in "".join(element.value for element in page.markdown)


def test_a_collector_that_wants_a_token_is_no_missing_collector(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has no permission reads so, and which variable is missing; with the token the page opens."""
    settings = Settings(access=Access(token="secret"))
    with RunningCollector(tmp_path / "guarded.duckdb", settings=settings) as collector:
        monkeypatch.setenv("DURASCOPE_TOKEN", "wrong")
        text = said(open_page("run", server=collector.url, workflow_id="w"))
        assert "No permission" in text and "DURASCOPE_TOKEN" in text
        monkeypatch.setenv("DURASCOPE_TOKEN", "secret")
        assert "run of workflow w" in said(open_page("run", server=collector.url, workflow_id="w"))

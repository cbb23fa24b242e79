"""The Run page's logic: what it says of a run, whatever the run is."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from durascope_dashboard.collector.settings import Access, Settings
from durascope_dashboard.panels.coverage import trust
from tests.collector.running import RunningCollector
from tests.dashboard import synthetic
from tests.dashboard.conftest import OpenPage

TAG = re.compile(r"<[^>]*>")


def said(page: AppTest) -> str:
    """All text on the page, without markup."""
    words = [*page.caption, *page.markdown, *page.text, *page.subheader]
    found = [element.value for element in words]
    found += [TAG.sub(" ", element.proto.body) for element in page.get("html")]
    return "\n".join(str(part) for part in found).replace("\u00a0", " ")


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


def test_the_retry_card_counts_each_retry_once(open_page: OpenPage) -> None:
    """A table of what each cost the run, in place of a sentence that says the same of each."""
    page = open_page("run", workflow_id="research-4", span="activity:13")
    (card,) = (e.proto.body for e in page.get("html") if "<b>Retries</b>" in e.proto.body)
    assert "If this retry" not in card
    cells = re.findall("<td[^>]*>(.*?)</td>", card)
    assert cells[0::3] == ["1", "2", "all"] and cells[1::3][:2] == ["StartToCloseTimeout", "ConnectionError"]


def test_a_run_from_history_alone_says_what_is_missing(open_page: OpenPage) -> None:
    """No telemetry is said with what would mend it, and middle attempts are estimates, not facts."""
    text = said(open_page("run", workflow_id="research-history"))
    assert "No worker telemetry" in text and "DurascopePlugin()" in text


def test_an_unknown_run_is_explained(open_page: OpenPage) -> None:
    """A link to a run that is not there names the run and the command that would read it."""
    page = open_page("run", workflow_id="nobody", run_id="never")
    assert "run never of workflow nobody" in said(page)
    (commands,) = page.code
    assert "durascope backfill" in commands.value


def test_a_link_without_a_run_asks_which(open_page: OpenPage) -> None:
    """The page opened from the menu has no run yet: it offers the newest, and those in trouble."""
    page = open_page("run")
    assert "Which run?" in said(page)
    offered = [link.proto.label for link in page.get("page_link")]
    assert offered[-1] == "All runs" and any("hostile" in label for label in offered)  # in trouble


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


def test_a_model_without_a_price_is_named_and_costs_nothing_known(open_page: OpenPage, tmp_path: Path) -> None:
    """Null, never $0."""
    moment = synthetic.now()
    story = synthetic.Story("priceless", "ResearchWorkflow", moment - 60 * synthetic.S)
    tokens = (900, 0, 100, 0)
    story.operation("model", "model", None, [{"run": 1.0, "tokens": tokens}], agent="A", model="house-model-7")
    synthetic.write(tmp_path / "s.duckdb", [story], moment)
    page = open_page("run", store=tmp_path / "s.duckdb", workflow_id="priceless")
    text = said(page)
    assert "No price is known for house-model-7" in text and "$0" not in text


def test_a_run_open_for_a_month_waits_in_words(open_page: OpenPage, tmp_path: Path) -> None:
    """Days, not seconds, and what it waits for."""
    moment = synthetic.now()
    story = synthetic.waiting("patient", moment - 30 * 86_400 * synthetic.S)
    synthetic.write(tmp_path / "s.duckdb", [story], moment)
    text = said(open_page("run", store=tmp_path / "s.duckdb", workflow_id="patient"))
    assert "running for 30 d 0 h" in text
    assert "approval" in text and "waits for somebody outside" in text


def test_a_run_that_has_only_started_is_no_error(open_page: OpenPage, tmp_path: Path) -> None:
    """No operation, no span, no time: the page says so."""
    moment = synthetic.now()
    story = synthetic.Story("young", "ResearchWorkflow", moment, spans_known=False, status="running", closed=False)
    synthetic.write(tmp_path / "s.duckdb", [story], moment)
    text = said(open_page("run", store=tmp_path / "s.duckdb", workflow_id="young"))
    assert "Nothing has happened in this run yet" in text


@pytest.mark.parametrize(("skew", "words"), [(350.0, "350 ms ahead of"), (-80.0, "80 ms behind"), (20.0, "")])
def test_clock_skew_is_said_not_corrected(skew: float, words: str) -> None:
    """From 50 ms on."""
    row = {"history_attempts": 2, "span_attempts": 2, "reconstructed": 0, "orphan_spans": 0, "duplicate_spans": 0,
           "skew_ms": skew, "from_history": True, "attempts": 2, "closed": 1}  # fmt: skip
    found = trust(row)
    assert found.complete and (words in found.sentence if words else "clock" not in found.sentence)


def test_an_attempt_that_waits_has_not_begun() -> None:
    """An open run counts the attempt that is next, history those that have begun: the banner says which is which."""
    row = {"history_attempts": 12, "span_attempts": 12, "reconstructed": 0, "orphan_spans": 0, "duplicate_spans": 0,
           "skew_ms": None, "from_history": True, "attempts": 13, "closed": None}  # fmt: skip
    assert trust(row).sentence.startswith("History: 12 of 13 attempts have begun. Telemetry: 12.")
    assert trust(row | {"closed": 1, "attempts": 12}).sentence.startswith("History: 12 attempts. Telemetry: 12.")
    nothing = row | {"history_attempts": 0, "span_attempts": 0, "attempts": 0}
    assert trust(nothing).sentence == "No attempts yet."
    assert trust(nothing | {"closed": 1}).sentence == "This run has had no attempts."

"""The progress of a backfill as a person sees it, and as a log does not."""

import sys
from io import StringIO

import pytest

from durascope_dashboard.cli.backfill import Bar
from durascope_dashboard.temporal.batches import Tally


class Terminal(StringIO):
    """What says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stderr", "drawn"), [(Terminal(), True), (StringIO(), False)])
def test_progress_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, stderr: StringIO, drawn: bool) -> None:
    """How many of how many; elsewhere not a byte."""
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with Bar() as bar:
        bar.show(Tally())
        bar.show(Tally(total=10, stored=2, known=1))
    assert ("reading histories" in stderr.getvalue(), "3/10" in stderr.getvalue()) == (drawn, drawn)
    assert drawn or not stderr.getvalue()

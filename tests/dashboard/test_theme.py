"""The palette: readable by everyone, on both grounds."""

import pytest

from durascope_dashboard import theme

TEXT = ("text", "muted", "accent", "backoff", "bad", "good")
DRAWN = ("model", "tool", "activity", "error", "handoff", "timer", "run", "timeout_edge", "critical")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ground", ["ground", "panel", "select"])
@pytest.mark.parametrize("role", TEXT)
def test_text_has_aa_contrast(dark: bool, ground: str, role: str) -> None:
    """WCAG AA for small text: 4.5."""
    colors = theme.palette(dark=dark)
    assert theme.contrast(colors[role], colors[ground]) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("role", DRAWN)
def test_what_is_drawn_stands_out(dark: bool, role: str) -> None:
    """WCAG AA for graphics: 3."""
    colors = theme.palette(dark=dark)
    assert theme.contrast(colors[role], colors["ground"]) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_words_on_bars_can_be_read(dark: bool) -> None:
    """Whatever the bar's colour, its words are in the ink that is read more easily, and that is enough."""
    colors = theme.palette(dark=dark)
    bars = ("model", "tool", "activity", "queue", "backoff", "external_wait", "timer", "workflow_task", "unexplained")
    for role in bars:
        assert theme.contrast(theme.text_on(colors[role]), colors[role]) >= 4.5, role

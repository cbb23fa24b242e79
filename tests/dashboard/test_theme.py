"""The palette: readable by everyone, on both grounds."""

import math

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


# Machado, Oliveira and Fernandes 2009, severity 1.0, for linear RGB.
SEEN_BY = {
    "deuteranopia": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "protanopia": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "tritanopia": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}


def seen(color: str, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """A colour as somebody sees it, in CIELAB."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    r, g, b = (min(max(sum(m * v for m, v in zip(row, linear, strict=True)), 0), 1) for row in matrix)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    )
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("who", SEEN_BY)
@pytest.mark.parametrize(
    "pair", ["error tool", "error model", "error activity", "timeout tool", "timeout model", "model tool"]
)
def test_colours_stay_apart_for_the_colour_blind(dark: bool, who: str, pair: str) -> None:
    """What failed, what was late and what kind it is differ by at least a clear step (10 in CIELAB)."""
    colors = theme.palette(dark=dark)
    one, other = pair.split()
    assert math.dist(seen(colors[one], SEEN_BY[who]), seen(colors[other], SEEN_BY[who])) >= 10

"""One palette (Okabe-Ito, AA contrast on both grounds) for the page, the charts and the timeline's canvas.

Colour never carries meaning alone: each status has a word and an icon, each kind a shape.
"""

from typing import Final

LIGHT: Final = {
    "ground": "#FFFFFF", "panel": "#F4F6F9", "text": "#172033", "muted": "#5A6578", "line": "#D5DAE3",
    "accent": "#0072B2", "select": "#E9F4FB",
    "model": "#0072B2", "tool": "#008F68", "activity": "#5F6F86", "queue": "#8B97A8", "backoff": "#8A6A1F",
    "error": "#D55E00", "timeout": "#E69F00", "timeout_edge": "#8A5A00", "run": "#46536A", "turn": "#8D99AB",
    "handoff": "#B4578F", "external_wait": "#B0538B", "timer": "#7566A8", "workflow_task": "#46536A",
    "unexplained": "#C3CAD6", "good": "#00704F", "bad": "#B34700", "critical": "#172033", "on_bar": "#FFFFFF",
}  # fmt: skip
DARK: Final = {
    "ground": "#0E141D", "panel": "#18202C", "text": "#E6EBF2", "muted": "#9AA6B8", "line": "#2B3646",
    "accent": "#56B4E9", "select": "#1D3447",
    "model": "#56B4E9", "tool": "#2CC295", "activity": "#93A3BA", "queue": "#7D8A9D", "backoff": "#D9B866",
    "error": "#F2703A", "timeout": "#F3B93C", "timeout_edge": "#F9DC9A", "run": "#A9B6C9", "turn": "#7C899C",
    "handoff": "#E29AC4", "external_wait": "#E29AC4", "timer": "#A99BDB", "workflow_task": "#A9B6C9",
    "unexplained": "#445063", "good": "#4FD6AC", "bad": "#F78B5C", "critical": "#FFFFFF", "on_bar": "#0B1119",
}  # fmt: skip

_STREAMLIT: Final = {
    "primaryColor": "accent",
    "backgroundColor": "ground",
    "secondaryBackgroundColor": "panel",
    "textColor": "text",
    "linkColor": "accent",
    "borderColor": "line",
    "greenColor": "tool",
    "orangeColor": "error",
    "blueColor": "model",
}


def streamlit_options() -> dict[str, str]:
    """Streamlit's ``theme.*`` settings, for the light and the dark side."""
    options = {
        "theme.baseRadius": "6px",
        "theme.baseFontSize": "14",
        "theme.showWidgetBorder": "true",
        "theme.metricValueFontSize": "1.35rem",
    }
    for side, palette in (("light", LIGHT), ("dark", DARK)):
        options |= {f"theme.{side}.{name}": palette[role] for name, role in _STREAMLIT.items()}
    return options


def contrast(one: str, other: str) -> float:
    """WCAG contrast of two hex colours, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def text_on(color: str) -> str:
    """White or near-black, whichever is read more easily on it."""
    return max((LIGHT["on_bar"], DARK["on_bar"]), key=lambda ink: contrast(ink, color))


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def palette(*, dark: bool) -> dict[str, str]:
    """Role -> hex colour."""
    return dict(DARK if dark else LIGHT)

"""Statuses as a person sees them: always a sign and a word, so that colour is never needed."""

from typing import Final, Literal

SIGNS: Final = {
    "running": "●", "completed": "✓", "failed": "✕", "cancelled": "⊘", "terminated": "■", "timed_out": "◷",
    "continued_as_new": "↻", "ok": "✓", "error": "✕", "timeout": "◷", "lost": "?", "pending": "…",
}  # fmt: skip
BadgeColor = Literal["blue", "green", "red", "orange", "gray", "violet"]
_COLORS: Final[dict[str, BadgeColor]] = {
    "running": "blue", "completed": "green", "failed": "orange", "timed_out": "orange", "terminated": "orange",
    "cancelled": "gray", "continued_as_new": "violet", "ok": "green", "error": "orange", "timeout": "orange",
    "lost": "orange",
}  # fmt: skip
_TONES: Final = {"blue": "accent", "green": "good", "orange": "bad", "violet": "timer"}


def words(status: str | None) -> str:
    """``✕ failed``, ``◷ timed out``."""
    if not status:
        return "–"
    return f"{SIGNS.get(status, '·')} {status.replace('_', ' ')}"


def color(status: str | None) -> BadgeColor:
    """Streamlit's badge colour."""
    return _COLORS.get(status or "", "gray")


def tone(status: str | None) -> str:
    """The role of the palette that says the same as the sign."""
    return _TONES.get(color(status), "muted")

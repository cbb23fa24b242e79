"""The Runs page."""


def page() -> None:
    """Draw it."""

"""The Run page."""


def page() -> None:
    """Draw it."""

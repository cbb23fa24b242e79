"""The one error of the demo: something that it needs is not there, in one sentence."""

from durascope_dashboard.exceptions import DurascopeError


class DemoError(DurascopeError):
    """The demo cannot start or go on; the message says what was found and what to do."""

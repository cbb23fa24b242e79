"""Errors of the worker side and the history reader: at set-up or reading, never in a running workflow or activity.

DurascopeError
├── ConfigurationError
└── HistoryError           a stream or file that is no event history
"""


class DurascopeError(Exception):
    """Base of every error that the worker side raises."""


class ConfigurationError(DurascopeError, ValueError):
    """A setting that cannot work; the message names it, what was found and what to do."""


class HistoryError(DurascopeError, ValueError):
    """The input is not a Temporal event history, or lacks its start; the message says what was found."""

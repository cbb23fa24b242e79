"""Errors that Durascope's worker side raises. Only at set-up: never into a running workflow or activity.

DurascopeError
└── ConfigurationError
"""


class DurascopeError(Exception):
    """Base of every error that the worker side raises."""


class ConfigurationError(DurascopeError, ValueError):
    """A setting that cannot work; the message names it, what was found and what to do."""

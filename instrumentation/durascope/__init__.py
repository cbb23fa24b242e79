"""Durascope, worker side: one plugin that makes every attempt of a durable agent run visible."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["DurascopePlugin"]

if TYPE_CHECKING:
    from durascope.plugin import DurascopePlugin


def __getattr__(name: str) -> Any:
    # Lazy: the operations side imports this package for its names, and needs no Agents SDK for that.
    if name == "DurascopePlugin":
        from durascope.plugin import DurascopePlugin

        return DurascopePlugin
    raise AttributeError(f"module 'durascope' has no attribute {name!r}")

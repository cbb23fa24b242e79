"""Durascope, worker side: one plugin that makes every attempt of a durable agent run visible."""

__version__ = "0.1.0"

"""Durascope, operations side: collector, store, joins, dashboard and the `durascope` command."""

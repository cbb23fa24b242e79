"""The store: what the collector knows, on disk, behind named queries."""

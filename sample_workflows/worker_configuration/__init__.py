"""Timeouts and retry policy of all model calls of a worker, and what really happens under them."""

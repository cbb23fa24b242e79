"""Parallel agents, one pooled client, answers and tool results asked for once, lookups in batches."""

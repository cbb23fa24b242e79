"""The Temporal side of the collector: connecting, following histories, backfilling, decoding payloads."""

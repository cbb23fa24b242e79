"""The collector: OTLP in, Temporal history in, joined runs out."""

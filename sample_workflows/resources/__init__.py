"""Limits: tokens, length of the conversation, time; and cleaning up after a cancellation."""

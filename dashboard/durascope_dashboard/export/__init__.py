"""Runs in other tools' formats: pure functions of a ``Selection``; only ``run``, ``send`` and ``follow`` do I/O."""

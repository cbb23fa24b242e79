"""From evidence to the joined tables: one row per run, operation and attempt, whoever told of it.

history_*  (spine) --+
span_attempts        +--> attempts --> operations --> runs
observations         |       (times)     (ledger)     (attribution, coverage)
spans  --------------+
"""

from dataclasses import dataclass

import pandas as pd

from durascope.records import Micros
from durascope_dashboard.analysis.frames import empty_frame


@dataclass(frozen=True)
class Evidence:
    """What each source said, for any number of runs; each frame has exactly the columns of its schema table."""

    spans: pd.DataFrame
    span_attempts: pd.DataFrame
    observations: pd.DataFrame
    history_runs: pd.DataFrame
    history_operations: pd.DataFrame
    history_attempts: pd.DataFrame
    history_waits: pd.DataFrame

    @classmethod
    def empty(cls) -> "Evidence":
        """No evidence of anything."""
        return cls(**{name: empty_frame(name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Joined:
    """The joined tables, with exactly the columns of ``schema.RUNS``, ``OPERATIONS`` and ``ATTEMPTS``."""

    runs: pd.DataFrame
    operations: pd.DataFrame
    attempts: pd.DataFrame


def join(evidence: Evidence, now: Micros) -> Joined:
    """Join all runs that the evidence names. ``now`` (µs) ends what is still open."""
    return Joined(empty_frame("runs"), empty_frame("operations"), empty_frame("attempts"))

"""Whole histories folded into rows in a process of its own: what a backfill spends most of its time on.

The process that asks fetches meanwhile. Histories with encoded payloads, or too large to be held, are not for this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from temporalio.api.history.v1 import History

from durascope.history import HistoryError, HistoryReader
from durascope.identity import RunKey
from durascope.records import HistoryRecord
from durascope_dashboard.child import Child
from durascope_dashboard.collector.history_rows import Histories

_NICE = 5  # fetching goes first: what it waits for is another machine's time


@dataclass(frozen=True, slots=True)
class Whole:
    """A run's whole history: ``pages`` are serialised ``History`` messages, in order."""

    key: RunKey
    pages: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Folded:
    """What became of some histories: rows of those that could be read, and why the others could not."""

    histories: Histories
    unreadable: Sequence[str]


Fold = Callable[[Sequence[Whole]], Folded]


def fold(wholes: Sequence[Whole]) -> Folded:
    """Fold them here. One that is not understood does not end the others' turn."""
    records: list[HistoryRecord] = []
    unreadable: list[str] = []
    for whole in wholes:
        reader = HistoryReader(whole.key)
        try:
            for page in whole.pages:
                for event in History.FromString(page).events:
                    reader.feed(event)
            records.append(reader.record())
        except HistoryError as error:
            unreadable.append(str(error))
        except Exception as error:
            unreadable.append(
                f"run {whole.key.run_id} of workflow {whole.key.workflow_id} cannot be read: "
                f"{type(error).__name__}: {error}"
            )
    return Folded(Histories.of(records), unreadable)


def folder() -> Child:
    """The same in a child process. Close it when it is no longer needed."""
    return Child(fold, "folds histories", nice=_NICE)

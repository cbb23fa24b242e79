"""Where histories go that a command has read: through the collector that runs, else into the store opened here."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from durascope_dashboard.reader import default_store, running_collector
from durascope_dashboard.store.location import Location, open_store
from durascope_dashboard.temporal.sink import ClosedSink

JOIN_EVERY_S: Final = 10.0  # a join costs some tenths of a second, however few its runs,
JOIN_AT_ONCE: Final = 3000  # unless there are so many


@contextmanager
def opened_sink(store: Location | None, server: str | None = None, *, many: bool = False) -> Iterator[ClosedSink]:
    """A sink; what was written to it is joined when this is left.

    Which one follows the rules that readers have (reader.py): a ``server`` that is named, else the collector that owns
    ``store``, else the store itself; but a DURASCOPE_SERVER that does not answer is an error unless ``store`` is named.
    ``many`` runs are joined in a process of its own. Raises StoreUnavailable.
    """
    collector = running_collector(server, store, writes=True)
    if collector is None:
        with _many(store or default_store()) if many else _few(store or default_store()) as sink:
            yield sink
        return
    from durascope_dashboard.temporal.remote_sink import RemoteSink

    remote = RemoteSink(collector)
    try:
        yield remote
        remote.wait_until_joined()
    finally:
        collector.close()


@contextmanager
def _few(location: Location, **options: Any) -> Iterator[ClosedSink]:
    from durascope_dashboard.collector.ingest import Ingest

    with open_store(location) as store:
        ingest = Ingest(store, visiting=True, **options).start()
        try:
            yield ingest
        finally:
            ingest.close()


@contextmanager
def _many(location: Location) -> Iterator[ClosedSink]:
    from durascope_dashboard.collector.joiner import joiner

    options = {"rollup_interval_s": JOIN_EVERY_S, "runs_a_pass": JOIN_AT_ONCE}
    with closing(joiner().start()) as join, _few(location, join=join, **options) as sink:
        yield sink

"""The shared store: a ClickHouse database that any number of collectors write to and any reader asks directly.

There are no transactions, so nothing is read in order to be written, and no order of arrival matters: every row carries
a version, and what stands is settled on reading (clickhouse/ddl.py). Writing the same again changes nothing.
"""

import threading
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa

from durascope.identity import RunKey
from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.store import keys, schema
from durascope_dashboard.store.clickhouse import ddl, rows
from durascope_dashboard.store.clickhouse.client import TIMEOUT_EXCEEDED, connect, explained
from durascope_dashboard.store.clickhouse.preparing import prepare
from durascope_dashboard.store.engine import QUERY_LIMIT_S, RunKeys, too_long
from durascope_dashboard.store.location import ClickHouseUrl

_RUN: Final = ", ".join(schema.RUN_KEY)
_AMONG: Final = f"({_RUN}) IN {{among:Array(Tuple(String, String, String))}}"
_KEYS_BYTES: Final = 40_000  # of keys in one question: ClickHouse takes 128 KiB, and they grow on the way
_MARGIN_US: Final = 60_000_000  # clocks of collectors may differ by so much
_EVENT: Final = 1 << 42  # above any count of milliseconds: the longer history has the higher version
_SPAN_EVIDENCE: Final = [n for n in schema.SPANS.names if n not in ("events", "resource", "attributes")]


class ClickHouseStore:
    """One database, as store/engine.py has it. Raises StoreUnavailable, StoreIncompatible from the constructor too."""

    engine = "clickhouse"
    shared = True
    failures: tuple[type[Exception], ...] = (StoreUnavailable,)
    gather_s = 0.2  # every write is a part that has to be merged: a few a second, not a hundred

    def __init__(self, url: ClickHouseUrl, *, read_only: bool = False) -> None:
        self.url = url
        self.read_only = read_only
        self.writer = uuid.uuid4().hex[:12]
        self._last_number = 0
        self._numbers = threading.Lock()
        self._closed = False
        self._client = connect(url, create=not read_only)
        try:
            with explained(url):
                prepare(self._client, url, read_only=read_only)
        except BaseException:
            self._client.close()
            raise

    @property
    def name(self) -> str:
        """The URL without its password."""
        return str(self.url)

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, tables: Mapping[str, pa.Table]) -> None:
        """Append to all of ``tables``, spans last: if it fails between, what is sent again is the same again."""
        for table in sorted(tables, key=lambda name: name == "spans"):
            if tables[table].num_rows:
                self._append(table, tables[table])

    def append(self, table: str, rows: pa.Table) -> None:
        """Write one table; of an existing key the new row stands."""
        self.write({table: rows})

    def replace_joined(self, tables: Mapping[str, pa.Table], *, as_of: int | None = None) -> None:
        """Of two joins of a run the one whose evidence was read later stands, whichever is written last."""
        self.replace(tables["runs"].select(schema.RUN_KEY), tables, as_of=as_of)

    def replace(self, run_keys: pa.Table, tables: Mapping[str, pa.Table | None], *, as_of: int | None = None) -> None:
        """Put rows in place of all that the tables have of these runs; ``runs`` last, when its children are there."""
        version = self.clock() if as_of is None else as_of
        for table in sorted(tables, key=lambda name: name == "runs"):
            found = tables[table]
            if found is None:
                self._delete(table, run_keys)
            else:
                self._replace(table, run_keys, found, self._versions(run_keys, tables, version))

    def _replace(self, table: str, run_keys: pa.Table, found: pa.Table, versions: pa.Array) -> None:
        if table in ddl.PACKED:
            self._insert(f"{table}_stored", rows.packed(table, run_keys, found), versions)
            return
        where = rows.positions(run_keys, found)
        gone = np.setdiff1d(np.arange(run_keys.num_rows), where)
        if len(gone):
            self._delete(table, run_keys.take(pa.array(gone)))
        if found.num_rows:
            self._insert(f"{table}_stored", found.select(schema.TABLES[table].names), versions.take(pa.array(where)))

    def _versions(self, runs: pa.Table, tables: Mapping[str, pa.Table | None], version: int) -> pa.Array:
        """Of joined rows when their evidence was read; of histories first how long they are, then when they came."""
        histories = tables.get("history_runs")
        if not any(name.startswith("history_") for name in tables):
            return pa.repeat(pa.scalar(version, pa.int64()), runs.num_rows)
        lengths = np.zeros(runs.num_rows, np.int64)
        if histories is not None and histories.num_rows:
            where = rows.positions(runs, histories)
            events = histories["last_event_id"].fill_null(0).to_numpy()
            lengths[where] = np.clip(events, 0, (1 << 20) - 1)
        return pa.array(lengths * _EVENT + version // 1000, pa.int64())

    def _append(self, table: str, found: pa.Table) -> None:
        names = [name for name in schema.TABLES[table].names if name in found.schema.names]
        if table in keys.REPLACED_BY_RUN:
            self.replace(rows.distinct_runs(found), {table: found.select(schema.TABLES[table].names)})
        elif table == "spans":
            self._insert("spans_stored", found.select(names), None)
        else:
            first = self._take_numbers(found.num_rows)
            into = "observations_in" if table == "observations" else f"{table}_stored"
            self._insert(into, found.select(names), pa.array(range(first, first + found.num_rows), pa.int64()))

    def _insert(self, into: str, found: pa.Table, versions: pa.Array | None) -> None:
        if versions is not None:
            found = found.append_column("_version", versions)
        found = found.append_column("_writer", pa.repeat(self.writer, found.num_rows))
        with self._asking():
            self._client.insert_arrow(into, found)

    def _delete(self, table: str, run_keys: pa.Table) -> None:
        for some in rows.chunks(_tuples(run_keys), _KEYS_BYTES):
            with self._asking():
                self._client.command(f"DELETE FROM {table}_stored WHERE ({_RUN}) IN ({rows.literals(some)})")

    def _take_numbers(self, count: int) -> int:
        """The first of ``count`` numbers that grow with time, on every collector about alike."""
        with self._numbers:
            first = max(self._last_number + 1, micros_now())
            self._last_number = first + count - 1
            return first

    def set_meta(self, key: str, value: str) -> None:
        """Keep a small value beside the data."""
        with self._asking():
            self._client.command(
                "INSERT INTO meta_stored (key, value, _version) SELECT {key:String}, {value:String}, "
                "toUnixTimestamp64Micro(now64(6))", parameters={"key": key, "value": value}
            )  # fmt: skip

    def drop_strays(self, micros: int) -> None:
        """Take out spans of no run that were received before that moment."""
        with self._asking():
            self._client.command(f"DELETE FROM spans_stored WHERE run_id = '' AND received < {micros:d}")

    def checkpoint(self, *, tidy: bool = True) -> None:
        """ClickHouse merges by itself."""

    # -- reading ------------------------------------------------------------------------------------------------

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of a named query. Raises UnknownQuery, or UsageError for a bad parameter."""
        from durascope_dashboard.store import queries  # ibis takes longer to import than the rest of a collector

        if name == "store_info":
            return self.info()
        named = queries.named(name)
        prepared = named.prepared("clickhouse", params)
        try:
            found = self._ask(prepared.text, prepared.values, {"max_execution_time": QUERY_LIMIT_S})
        except StoreUnavailable as error:
            if getattr(error.__cause__, "code", None) != TIMEOUT_EXCEEDED:
                raise
            raise too_long(f"the query {name!r}", QUERY_LIMIT_S) from error
        return named.finish(found.select(prepared.schema.names).cast(prepared.schema), params)

    def sql(self, text: str) -> pa.Table:
        """Rows of one SELECT of our own."""
        return self._ask(text)

    def info(self) -> pa.Table:
        """One row, as every store has it; bytes are those on the server's disks, compressed."""
        counts = ", ".join(
            f"toInt64((SELECT count() FROM {t})) AS {t}" for t in ("runs", "operations", "attempts", "spans")
        )
        found = self._ask(
            "SELECT toInt64((SELECT argMax(value, _version) FROM meta_stored WHERE key = 'schema_version')) "
            f"AS schema_version, {counts}, (SELECT min(started) FROM runs) AS oldest, "
            "(SELECT max(started) FROM runs) AS newest, toInt64((SELECT sum(bytes_on_disk) FROM system.parts "
            "WHERE database = currentDatabase() AND active)) AS bytes"
        ).to_pylist()[0]
        texts = {"engine": self.engine, "path": self.name}
        numbers = {name: found[name] for name in (*(n for n in found if n != "bytes"), "bytes")}
        fields = [(name, pa.string()) for name in texts] + [(name, pa.int64()) for name in numbers]
        return pa.Table.from_pylist([texts | numbers], schema=pa.schema(fields))

    def evidence_tables(self, run_keys: RunKeys) -> dict[str, pa.Table]:
        """All that every source said of these runs; spans with duplicates in order of arrival, without what no join
        looks at."""
        asked = rows.chunks(list(dict.fromkeys(run_keys)), _KEYS_BYTES) or [[]]
        found = {name: [self._evidence(name, some) for some in asked] for name in keys.EVIDENCE}
        tables = {name: pa.concat_tables(parts) for name, parts in found.items()}
        return tables | {"spans": tables["spans"].sort_by("seq")}

    def _evidence(self, table: str, run_keys: list[tuple[str, str, str]]) -> pa.Table:
        text = f"SELECT * FROM {table} WHERE {_AMONG}"
        names = schema.TABLES[table].names
        if table == "spans":
            names = [*_SPAN_EVIDENCE, "attributes"]
            listed = ", ".join(f"s.{name} AS {name}" for name in _SPAN_EVIDENCE)
            told = "if(s.kind IN ('workflow', 'guardrail'), s.attributes, NULL) AS attributes"
            text = f"SELECT {listed}, {told} FROM spans_stored AS s WHERE {_AMONG}"
        elif table == "span_attempts":  # an attempt span always wins over its started-event, however late that comes
            text = (
                f"SELECT {', '.join(names)} FROM span_attempts_stored WHERE {_AMONG} "
                f"ORDER BY begun_only, _version DESC LIMIT 1 BY {', '.join(schema.ATTEMPT_KEY)}"
            )
        found = self._ask(text, {"among": run_keys})
        return found.select(names).cast(pa.schema([schema.TABLES[table].field(name) for name in names]))

    def clock(self) -> int:
        """The server's: of collectors' clocks none need be right."""
        return int(self._ask("SELECT toUnixTimestamp64Micro(now64(6)) AS now")["now"][0].as_py())

    def next_seq(self) -> int:
        """Numbers of spans are times, so that spans which come by several collectors are in order of arrival."""
        return micros_now()

    def runs_since(self, seq: int) -> list[RunKey]:
        """Runs with evidence from about this moment on."""
        return keys.run_keys(self._ask(f"SELECT DISTINCT {_RUN} FROM ({_evidence_written(max(seq - _MARGIN_US, 0))})"))

    def written_elsewhere(self, since: int) -> list[tuple[RunKey, int]]:
        """Runs of which others wrote evidence since then, each with when last."""
        found = self._ask(
            f"SELECT {_RUN}, max(written) AS last FROM ({_evidence_written(since)}) "
            f"WHERE writer <> '{self.writer}' GROUP BY {_RUN}"
        )
        return list(zip(keys.run_keys(found), found["last"].to_pylist(), strict=True))

    def unjoined_runs(self) -> list[RunKey]:
        """Runs with evidence but no joined row of it."""
        length = "ifNull(last_event_id, 0)"
        told = "status IS NOT NULL AND ifNull(from_history, true)"
        history = (
            f"SELECT {_RUN} FROM history_runs WHERE ({_RUN}, {length}, {told}) "
            f"NOT IN (SELECT {_RUN}, {length}, ifNull(from_history, false) FROM runs)"
        )
        spans = f"SELECT {_RUN} FROM span_attempts_stored WHERE ({_RUN}) NOT IN (SELECT {_RUN} FROM runs_stored)"
        return keys.run_keys(self._ask(f"SELECT DISTINCT {_RUN} FROM ({history} UNION ALL {spans})"))

    def run_keys(self, where: str = "true") -> list[RunKey]:
        """Keys of joined runs; ``where`` is SQL over ``runs``."""
        return keys.run_keys(self._ask(f"SELECT {_RUN} FROM runs WHERE {where}"))

    def closed_runs(self, run_keys: RunKeys) -> set[RunKey]:
        """Those of ``run_keys`` that history has told of as closed."""
        text = f"SELECT {_RUN} FROM history_runs WHERE {_AMONG} AND status <> 'running' AND from_history"
        asked = rows.chunks(list(dict.fromkeys(run_keys)), _KEYS_BYTES)
        return {run for some in asked for run in keys.run_keys(self._ask(text, {"among": some}))}

    def get_meta(self, key: str) -> str | None:
        """A value that ``set_meta`` kept, or None."""
        found = self._ask(
            "SELECT argMax(value, _version) AS value FROM meta_stored WHERE key = {key:String} GROUP BY key",
            {"key": key},
        )
        return found["value"][0].as_py() if found.num_rows else None

    def present(self, table: str, key: tuple[str, ...], runs: pa.Table) -> pa.Table:
        """Distinct values of ``key`` that the table has of these runs."""
        text = f"SELECT DISTINCT {', '.join(key)} FROM {table} WHERE {_AMONG}"
        types = pa.schema([(name, schema.TABLES[table].field(name).type) for name in key])
        found = [self._ask(text, {"among": some}) for some in rows.chunks(_tuples(runs), _KEYS_BYTES)]
        return pa.concat_tables([part.cast(types) for part in found] or [types.empty_table()])

    def parts(self, table: str) -> Iterator[pa.Table]:
        """The rows of a table, some at a time."""
        columns = schema.TABLES[table]
        text = f"SELECT {', '.join(f'`{name}`' for name in columns.names)} FROM {table}"
        with self._asking(), self._client.query_arrow_stream(text, use_strings=True) as stream:
            for batch in stream:
                yield pa.Table.from_batches([batch]).cast(columns)

    def merge(self, table: str) -> None:
        """Merge a table's parts into one, without what is deleted or replaced."""
        with self._asking():
            self._client.command(f"OPTIMIZE TABLE {table}_stored FINAL")

    def log_bytes(self) -> int:
        """There is no log to fold in."""
        return 0

    def live_bytes(self) -> dict[str, int]:
        """What the live rows take: rows that are deleted stay in their parts until these are merged, so by their share.

        Of our own tables: ``otel_traces`` belongs to its exporter, whatever it holds.
        """
        parts = self._ask(
            "SELECT table, toInt64(sum(bytes_on_disk)) AS bytes, toInt64(sum(rows)) AS stored FROM system.parts "
            "WHERE database = currentDatabase() AND active GROUP BY table HAVING stored > 0"
        ).to_pylist()
        stored = {part["table"]: part for part in parts}
        found = dict.fromkeys(schema.TABLES, 0)
        for table in schema.TABLES:
            if part := stored.get(f"{table}_stored"):
                live = int(self._ask(f"SELECT count() AS n FROM {table}_stored")["n"][0].as_py())
                found[table] = int(part["bytes"] * min(live / part["stored"], 1.0))
        return found

    def _ask(
        self, text: str, values: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> pa.Table:
        with self._asking():
            return self._client.query_arrow(
                text, parameters=dict(values) if values else None, settings=settings, use_strings=True
            )

    def _asking(self) -> Any:
        if self._closed:
            raise StoreUnavailable(f"the store {self.url} has been closed; open it again")
        return explained(self.url)

    def close(self) -> None:
        """Release the connection. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tuples(run_keys: pa.Table) -> list[tuple[str, str, str]]:
    return list(zip(*(run_keys[name].to_pylist() for name in schema.RUN_KEY), strict=True))


def _evidence_written(since: int) -> str:
    """SELECT of the runs that any evidence written since then tells of, when and by whom."""
    plain = [f"{name}_stored" for name in ("spans", "span_attempts", "history_runs")]
    parts = [f"SELECT {_RUN}, _written AS written, _writer AS writer FROM {name}" for name in plain]
    parts.append(f"SELECT {_RUN}, _written AS written, finalizeAggregation(_writer) AS writer FROM observations_stored")
    return " UNION ALL ".join(f"{part} WHERE _written >= {since:d} AND run_id <> ''" for part in parts)

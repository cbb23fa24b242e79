"""The embedded store: one DuckDB file, owned by one process; every other process asks that one (see reader.py).

Evidence is written by one thread at a time, and beside it what was joined by another: they touch different tables, and
who sends spans must not wait for a join to be stored. Any number of threads may query meanwhile.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from durascope.identity import RunKey
from durascope_dashboard.clock import micros_now
from durascope_dashboard.exceptions import StoreUnavailable
from durascope_dashboard.store import keys, migrations, opening, schema
from durascope_dashboard.store.engine import RunKeys

CHECKPOINT_THRESHOLD = "1GB"  # the collector folds the log in itself, long before that
MEMORY_LIMIT = "256MB"
_TIDY_TASKS = 100  # DuckDB's own default
_RUN_COLUMNS = ", ".join(schema.RUN_KEY)
# Attributes are most of a span's bytes, and only those of workflow spans say something that no column does.
_SPAN_EVIDENCE = """* EXCLUDE (events, resource, attributes),
    CASE WHEN kind IN ('workflow', 'guardrail') THEN attributes END AS attributes"""


class DuckStore:
    """One store file, as store/engine.py has it.

    Raises StoreUnavailable / StoreLocked / StoreIncompatible from the constructor; the file is then untouched.
    """

    engine = "duckdb"
    shared = False
    failures: tuple[type[Exception], ...] = (duckdb.Error,)
    gather_s = 0.0

    def __init__(self, path: Path | str, *, read_only: bool = False, memory_limit: str = MEMORY_LIMIT) -> None:
        self.path = Path(path)
        self.read_only = read_only
        config = {"checkpoint_threshold": CHECKPOINT_THRESHOLD, "memory_limit": memory_limit}
        self._connection = opening.open_checked(self.path, read_only=read_only, config=config)
        self._write_lock = threading.Lock()  # of evidence; who needs both takes this one first
        self._joined_lock = threading.Lock()  # of the joined tables, and of meta
        self._joined_connection = self._connection.cursor()
        self._local = threading.local()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._cursors_lock = threading.Lock()
        self._closed = False
        if not read_only:
            migrations.migrate(self._connection)

    @property
    def name(self) -> str:
        """The whole path of the file."""
        return str(self.path.resolve())

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, tables: Mapping[str, pa.Table]) -> None:
        """Append or upsert all of ``tables`` (name -> rows) in one transaction; committed when this returns."""
        with self._writing(tables) as connection:
            for name, rows in tables.items():
                if rows.num_rows:
                    _put(connection, name, rows)

    def append(self, table: str, rows: pa.Table) -> None:
        """Write one table; upserts where the table has a key."""
        self.write({table: rows})

    def replace_joined(self, tables: Mapping[str, pa.Table], *, as_of: int | None = None) -> None:
        """Put the joined rows of some runs in place of what stood there: ``runs``, ``operations`` and ``attempts``."""
        self.replace(tables["runs"].select(schema.RUN_KEY), tables)

    def replace(self, run_keys: pa.Table, tables: Mapping[str, pa.Table | None], *, as_of: int | None = None) -> None:
        """Delete the rows of ``run_keys`` from each table, then insert the given ones (None: none): one transaction.

        ``as_of`` says nothing here: there is one writer, and what it writes last is newest.
        """
        with self._writing(tables) as connection:
            connection.register("run_keys_in", run_keys)
            try:
                for name, rows in tables.items():
                    _delete(connection, name, schema.RUN_KEY, "run_keys_in")
                    if rows is not None and rows.num_rows:
                        _insert(connection, name, rows)
            finally:
                connection.unregister("run_keys_in")

    @contextmanager
    def _writing(self, tables: Iterable[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that writes to these tables, with nobody else writing to them."""
        joined = [name in keys.JOINED for name in tables]
        with ExitStack() as locks:
            if not all(joined):
                locks.enter_context(self._write_lock)
            if any(joined):
                locks.enter_context(self._joined_lock)
            connection = self._joined_connection if all(joined) else self._connection
            connection.execute("BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _rollback(connection)
                raise

    # -- reading ------------------------------------------------------------------------------------------------

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own cursor: reads see the last committed state and never wait for a writer."""
        if self._closed:
            raise StoreUnavailable(f"the store {self.path} has been closed; open it again")
        found: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if found is None:
            found = self._local.cursor = self._connection.cursor()
            with self._cursors_lock:
                self._cursors.append(found)
        return found

    def sql(self, text: str, parameters: list[Any] | dict[str, Any] | None = None) -> pa.Table:
        """Run one SELECT of our own (never text from outside)."""
        return self.cursor().sql(text, params=parameters or None).to_arrow_table()

    def query(self, name: str, **params: Any) -> pa.Table:
        """Rows of a named query. Raises UnknownQuery, UsageError for a bad parameter, StoreUnavailable."""
        from durascope_dashboard.store import queries  # ibis takes longer to import than the rest of a collector

        if name == "store_info":
            return self.info()
        named = queries.named(name)
        prepared = named.prepared("duckdb", params)
        try:
            found = self.sql(prepared.text, prepared.values)
        except duckdb.Error as error:
            raise StoreUnavailable(
                f"the store {self.path} could not answer {name!r} ({opening.first_line(error)}); ask for less at once, "
                "and look at the file's disk"
            ) from error
        return named.finish(found, params)

    def evidence_tables(self, run_keys: RunKeys) -> dict[str, pa.Table]:
        """All that every source said of these runs; spans with duplicates in order of arrival, without what no join
        looks at."""
        cursor = self.cursor()
        cursor.register("evidence_keys", keys.run_keys_table(run_keys))
        try:
            return {name: cursor.sql(_evidence_of(name)).to_arrow_table() for name in keys.EVIDENCE}
        finally:
            cursor.unregister("evidence_keys")

    def info(self) -> pa.Table:
        """One row: engine, path, schema_version, counts, bytes on disk, oldest and newest run start."""
        counts = self.sql(
            "SELECT (SELECT value::BIGINT FROM meta WHERE key = 'schema_version') AS schema_version, "
            + ", ".join(f"(SELECT count(*) FROM {t}) AS {t}" for t in ("runs", "operations", "attempts", "spans"))
            + ", (SELECT min(started) FROM runs) AS oldest, (SELECT max(started) FROM runs) AS newest"
        ).to_pylist()[0]
        size = sum(p.stat().st_size for p in (self.path, Path(f"{self.path}.wal")) if p.exists())
        return pa.Table.from_pylist([{"engine": self.engine, "path": self.name, **counts, "bytes": size}])

    def clock(self) -> int:
        """Now (µs), by this machine's clock: there is no other."""
        return micros_now()

    def written_elsewhere(self, since: int) -> list[tuple[RunKey, int]]:
        """Nobody else writes to a file."""
        return []

    def next_seq(self) -> int:
        """The lowest span sequence number not yet used."""
        return int(self.sql("SELECT coalesce(max(seq), -1) + 1 AS seq FROM spans")["seq"][0].as_py())

    def runs_since(self, seq: int) -> list[RunKey]:
        """Runs that spans from this sequence number on tell of."""
        rows = self.sql(
            f"SELECT DISTINCT {_RUN_COLUMNS} FROM spans WHERE seq >= {seq:d} AND workflow_id <> '' AND run_id <> ''"
        )
        return keys.run_keys(rows)

    def unjoined_runs(self) -> list[RunKey]:
        """Runs with evidence but no joined row of it: the process ended between commit and join."""
        history = (
            f"SELECT {_RUN_COLUMNS}, coalesce(last_event_id, 0) AS last_event_id, "
            "status IS NOT NULL AND coalesce(from_history, true) AS from_history FROM history_runs"
        )
        joined = f"runs USING ({_RUN_COLUMNS}, last_event_id, from_history)"
        rows = self.sql(
            f"SELECT {_RUN_COLUMNS} FROM ({history}) ANTI JOIN {joined} "
            f"UNION SELECT {_RUN_COLUMNS} FROM span_attempts ANTI JOIN runs USING ({_RUN_COLUMNS})"
        )
        return keys.run_keys(rows)

    def run_keys(self, where: str = "true") -> list[RunKey]:
        """Keys of joined runs; ``where`` is SQL over ``runs``."""
        rows = self.sql(f"SELECT DISTINCT {_RUN_COLUMNS} FROM runs WHERE {where}")
        return keys.run_keys(rows)

    def closed_runs(self, run_keys: RunKeys) -> set[RunKey]:
        """Those of ``run_keys`` that history has told of as closed."""
        cursor = self.cursor()
        cursor.register("asked_keys", keys.run_keys_table(run_keys))
        try:
            rows = cursor.execute(
                f"SELECT {_RUN_COLUMNS} FROM history_runs SEMI JOIN asked_keys USING ({_RUN_COLUMNS}) "
                "WHERE status <> 'running' AND from_history"
            ).fetchall()
        finally:
            cursor.unregister("asked_keys")
        return {RunKey(*row) for row in rows}

    def get_meta(self, key: str) -> str | None:
        """A value that ``set_meta`` kept, or None."""
        rows = self.sql("SELECT value FROM meta WHERE key = ?", [key])
        return rows["value"][0].as_py() if rows.num_rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Keep a small value (a follower's watermark) beside the data."""
        with self._joined_lock:
            self._joined_connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])

    def execute(self, statement: str) -> None:
        """Run one statement of our own that writes, to whatever table."""
        with self._write_lock, self._joined_lock:
            self._connection.execute(statement)

    def drop_strays(self, micros: int) -> None:
        """Take out spans of no run that were received before that moment."""
        self.execute(f"DELETE FROM spans WHERE run_id = '' AND received < {micros:d}")

    def checkpoint(self, *, tidy: bool = True) -> None:
        """Fold the write-ahead log into the file. Evidence is written meanwhile: DuckDB holds it up only for a moment.

        It refuses to begin while a row is being updated, as those of ``meta`` are: so what else writes waits. To merge
        row groups that have holes (``tidy``) takes seconds now and then, and evidence waits for as long.
        """
        cursor = self.cursor()
        cursor.execute(f"SET max_vacuum_tasks = {_TIDY_TASKS if tidy else 0}")
        try:
            with self._joined_lock:
                cursor.execute("CHECKPOINT")
        except duckdb.TransactionException:  # once in minutes under load: then between two writes of evidence
            with self._write_lock, self._joined_lock:
                cursor.execute("CHECKPOINT")

    def log_bytes(self) -> int:
        """Size of the write-ahead log."""
        log = Path(f"{self.path}.wal")
        return log.stat().st_size if log.exists() else 0

    def live_bytes(self) -> dict[str, int]:
        """What the live rows of each table take, about: DuckDB frees blocks only when all rows of a row group are
        gone, so a table's blocks are scaled by how many of its stored rows are still there."""
        found = self.sql(" UNION ALL ".join(map(_size_of, schema.TABLES))).to_pylist()
        blocks = sum(row["blocks"] for row in found)
        used = self.sql("SELECT used_blocks * block_size AS used FROM pragma_database_size()")["used"][0].as_py()
        return {
            row["name"]: int(used * row["blocks"] / blocks * min(row["live"] / row["stored"], 1.0))
            if row["blocks"]
            else 0
            for row in found
        }

    def close(self) -> None:
        """Checkpoint and release the file. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        with self._write_lock, self._joined_lock, self._cursors_lock:
            for cursor in (*self._cursors, self._joined_connection):
                cursor.close()
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _put(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    if name not in keys.UPSERTED:
        _insert(connection, name, rows)
        return
    _upsert(connection, name, rows)


def _insert(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    connection.register("incoming", rows.select(schema.TABLES[name].names))
    try:
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming")
    finally:
        connection.unregister("incoming")


def _upsert(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Delete and insert rather than ON CONFLICT, which needs an index. The newest row of a key stays."""
    unique = keys.UPSERTED[name]
    key = ", ".join(unique)
    names = schema.TABLES[name].names
    numbered = rows.select(names).append_column("ordinal", pa.array(range(1, rows.num_rows + 1), pa.int64()))
    connection.register("incoming", numbered)
    try:
        present = connection.sql(
            f"SELECT *, 0::BIGINT AS ordinal FROM {name} SEMI JOIN incoming USING ({key})"
        ).to_arrow_table()
        connection.register("candidates", pa.concat_tables([present.cast(numbered.schema), numbered]))
        columns = ", ".join(_choose(column) for column in names if column not in unique)
        best = connection.sql(f"SELECT {key}, {columns} FROM candidates GROUP BY {key}").to_arrow_table()
        if present.num_rows:
            _delete(connection, name, unique, "incoming")
    finally:
        connection.unregister("incoming")
    _insert(connection, name, best)


def _delete(connection: duckdb.DuckDBPyConnection, name: str, key: Sequence[str], among: str) -> None:
    """Joins, here and above, and never ``(a, b) IN (...)``: only a join lets DuckDB skip row groups by their
    least and greatest key, and run ids (UUIDv7) grow with time."""
    same = " AND ".join(f"t.{column} = k.{column}" for column in key)
    connection.execute(f"DELETE FROM {name} AS t USING {among} AS k WHERE {same}")


def _rollback(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        pass  # the failed statement has ended the transaction already; its own error is on its way up


def _evidence_of(name: str) -> str:
    """SELECT of one evidence table's rows for the runs in ``evidence_keys``."""
    columns = _SPAN_EVIDENCE if name == "spans" else "*"
    last = {"spans": " ORDER BY seq", "span_attempts": f" QUALIFY {keys.BEST_ATTEMPT}"}.get(name, "")
    return f"SELECT {columns} FROM {name} SEMI JOIN evidence_keys USING ({_RUN_COLUMNS}){last}"


def _size_of(name: str) -> str:
    """SELECT of how many blocks a table has a part in, and of its rows: those there, those deleted included."""
    ids = f"SELECT unnest([block_id] || additional_block_ids) AS id FROM pragma_storage_info('{name}')"
    return (
        f"SELECT '{name}' AS name, (SELECT count(DISTINCT id) FROM ({ids}) WHERE id >= 0) AS blocks, "
        f"(SELECT count(*) FROM {name}) AS live, "
        f"(SELECT estimated_size FROM duckdb_tables() WHERE table_name = '{name}') AS stored"
    )


def _choose(column: str) -> str:
    """The last value; of what is remembered, the last that is known."""
    present = f" FILTER ({column} IS NOT NULL)" if column in keys.REMEMBERED else ""
    return f"first({column} ORDER BY ordinal DESC){present} AS {column}"

"""A database made ready: its tables and views made or brought up to date, or, to read only, looked at."""

import hashlib
from collections.abc import Iterator
from typing import Any

from durascope_dashboard.exceptions import StoreIncompatible, StoreUnavailable
from durascope_dashboard.store import schema
from durascope_dashboard.store.clickhouse import ddl, otel
from durascope_dashboard.store.location import ClickHouseUrl


def prepare(client: Any, url: ClickHouseUrl, *, read_only: bool) -> None:
    """Make what is missing; several collectors may do so at once. Raises StoreUnavailable, StoreIncompatible."""
    present = _present(client)
    version = _meta(client, "schema_version") if "meta_stored" in present else None
    if version is None and (read_only or {"runs", "spans"} & present.keys()):
        raise (StoreIncompatible if present else StoreUnavailable)(
            f"there is no Durascope store at {url}; start one, in a database of its own: durascope collect --store URL"
        )
    if version is not None and int(version) > schema.SCHEMA_VERSION:
        raise StoreIncompatible(
            f"the store {url} has schema version {version} and this Durascope reads up to {schema.SCHEMA_VERSION}; "
            "upgrade Durascope"
        )
    wanted = shape()
    if version is not None and _meta(client, "shape") == wanted:
        return
    if read_only:
        raise StoreIncompatible(
            f"the store {url} was made by another Durascope; bring it up to date, keeping every row, with: durascope "
            "store upgrade --store URL"
        )
    for statement in statements(present):
        client.command(statement)
    for key, value in (("schema_version", str(schema.SCHEMA_VERSION)), ("shape", wanted)):
        client.command(
            "INSERT INTO meta_stored (key, value, _version) SELECT {key:String}, {value:String}, "
            "toUnixTimestamp64Micro(now64(6))", parameters={"key": key, "value": value}
        )  # fmt: skip


def statements(present: dict[str, set[str]]) -> Iterator[str]:
    """What leads from the tables that are ``present`` (with their columns) to those of this version."""
    yield from ddl.create_tables()
    for table in schema.TABLES:
        known = present.get(f"{table}_stored")
        if known and table != "observations":
            for name, kind in ddl.stored_columns(table).items():
                if name.strip("`") not in known:
                    yield f"ALTER TABLE {table}_stored ADD COLUMN IF NOT EXISTS {name} {kind}"
    yield otel.OTEL_TRACES
    for filling in (("observations_states", "observations_stored", ddl.observations_states()), *otel.fillings()):
        yield _filling(*filling, present)
    for name, select in ddl.create_views():
        yield f"CREATE OR REPLACE VIEW {name} AS {select}"


def _filling(name: str, into: str, select: str, present: dict[str, set[str]]) -> str:
    """A materialised view; one that is there is changed in place, so that no row that arrives meanwhile is missed."""
    if name in present:
        return f"ALTER TABLE {name} MODIFY QUERY {select}"
    return f"CREATE MATERIALIZED VIEW IF NOT EXISTS {name} TO {into} AS {select}"


def shape() -> str:
    """A digest of every statement: the same one means that there is nothing to do."""
    return hashlib.sha256("\n".join(statements({})).encode()).hexdigest()[:16]


def _present(client: Any) -> dict[str, set[str]]:
    rows = client.query_arrow(
        "SELECT table, groupArray(name) AS names FROM system.columns WHERE database = currentDatabase() GROUP BY table"
    ).to_pylist()
    return {row["table"]: set(row["names"]) for row in rows}


def _meta(client: Any, key: str) -> str | None:
    rows = client.query_arrow(
        "SELECT argMax(value, _version) AS value FROM meta_stored WHERE key = {key:String} GROUP BY key",
        parameters={"key": key},
    )
    return str(rows["value"][0].as_py()) if rows.num_rows else None

"""One run found by its name, for whoever shows or exports it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from durascope.identity import RunKey
from durascope_dashboard.exceptions import NotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from durascope_dashboard.reader import Reader

Rows = list[dict[str, Any]]


def run_params(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run's row as parameters of a query about exactly this run."""
    return {name: run[name] for name in RunKey._fields}


def find_run(reader: "Reader", workflow_id: str, run_id: str | None, namespace: str | None = None) -> "pa.Table":
    """Its row; that of the newest run of the workflow id unless one is named. Raises NotFound."""
    found = reader.query("run", workflow_id=workflow_id, run_id=run_id, namespace=namespace)
    if not found.num_rows:
        which = f"run {run_id!r} of workflow {workflow_id!r}" if run_id else f"workflow {workflow_id!r}"
        raise NotFound(f"{which} is not known here; list what is with: durascope runs")
    return found


def read_run(
    reader: "Reader", workflow_id: str, run_id: str | None = None, namespace: str | None = None
) -> tuple[dict[str, Any], Rows, Rows]:
    """The same run with its operations and its attempts, as plain rows. Raises NotFound."""
    run = find_run(reader, workflow_id, run_id, namespace).to_pylist()[0]
    operations, attempts = (reader.query(name, **run_params(run)).to_pylist() for name in ("operations", "attempts"))
    return run, operations, attempts

"""One run found by its name, for whoever shows or exports it."""

from typing import TYPE_CHECKING, Any

from durascope_dashboard.exceptions import NotFound

if TYPE_CHECKING:
    import pyarrow as pa

    from durascope_dashboard.reader import Reader

Rows = list[dict[str, Any]]


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
    key = {name: run[name] for name in ("namespace", "workflow_id", "run_id")}
    operations, attempts = (reader.query(name, **key).to_pylist() for name in ("operations", "attempts"))
    return run, operations, attempts

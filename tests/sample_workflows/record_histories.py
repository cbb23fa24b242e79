"""`python -m tests.sample_workflows.record_histories`: plays every scenario and writes its golden history anew.

Run it when a sample's workflow code changes on purpose; a replay test that fails otherwise has found an incompatible
change. Recorded with the plugin, so that the histories hold its headers as real ones do.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from temporalio.client import Client

from durascope_dashboard.demo.dev_server import DevServer
from tests.sample_workflows.fleet import Fleet
from tests.sample_workflows.scenarios import SCENARIOS, Stage, undisturbed

FOLDER = Path(__file__).resolve().parents[1] / "histories" / "patterns"


def files(name: str) -> list[Path]:
    """A scenario's histories: its own run, then those of the chain and the children, numbered."""
    return sorted(FOLDER.glob(f"{name}.json")) + sorted(FOLDER.glob(f"{name}.[0-9]*.json"))


async def record(client: Client, name: str, workflow_id: str, run_id: str | None) -> None:
    """Write the run, the runs after it and its children."""
    waiting: list[tuple[str, str | None]] = [(workflow_id, run_id)]
    for number in range(100):
        if not waiting:
            return
        history = await client.get_workflow_handle(waiting[0][0], run_id=waiting[0][1]).fetch_history()
        path = FOLDER / (f"{name}.{number}.json" if number else f"{name}.json")
        path.write_text(anonymous(history.to_json()) + "\n")
        for event in history.events:
            following = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            waiting += [(waiting[0][0], following)] if following else []
            waiting += [(child.workflow_id, child.run_id)] if child.workflow_id else []
        waiting.pop(0)


def anonymous(text: str) -> str:
    """Without the recording machine's name and paths."""
    text = re.sub(r'("stackTrace": ?)"(?:[^"\\]|\\.)*"', r'\1""', text)
    return re.sub(r'"(\d+)@[^"]+"', r'"\1@worker"', text)


async def record_all(fleet: Fleet, wanted: list[str]) -> None:
    """One scenario after another: calm histories without lost tasks."""
    stage = Stage(await fleet.client(), fleet.task_queue, "golden")
    for name in wanted:
        for old in files(name):
            old.unlink()
        played = await undisturbed(stage, name)
        await record(stage.client, name, played.workflow_id, played.run_id or None)
        sys.stdout.write(f"{name}: {len(files(name))} histories\n")


def main() -> int:
    """Record the scenarios named on the command line, or all."""
    with (
        DevServer() as temporal,
        tempfile.TemporaryDirectory() as folder,
        Fleet(temporal, Path(folder), task_queue="golden") as fleet,
    ):
        asyncio.run(record_all(fleet, sys.argv[1:] or list(SCENARIOS)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the demo saw, in a few lines: runs by status, attempts, tokens."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from durascope_dashboard.demo.errors import DemoError
from durascope_dashboard.demo.plan import DURASCOPE, Plan

TIMEOUT_S = 60
WAITS = {
    "human": "wait for a person",
    "retry": "are between two attempts",
    "worker": "wait for a worker",
    "timer": "wait for a timer",
}


def read_runs(plan: Plan) -> list[dict[str, Any]]:
    """All runs, as `durascope runs --json` prints them. Raises DemoError when the command fails."""
    command = [*DURASCOPE, "runs", "--json", "--limit", "10000", "--server", plan.collector_url]
    done = subprocess.run(
        command, env=plan.environment(), cwd=plan.repository, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise DemoError(f"the runs could not be read back: {done.stderr.decode(errors='replace').strip()}")
    runs = json.loads(done.stdout)
    assert isinstance(runs, list)
    return runs


def summarise(runs: Sequence[Mapping[str, Any]]) -> str:
    """A few lines for people."""
    statuses = Counter(str(run["status"]) for run in runs)
    types = Counter(str(run["workflow_type"]) for run in runs)
    attempts = sum(run["retries"]["attempts"] for run in runs)
    retries = sum(run["retries"]["retries"] for run in runs)
    billed = [run["tokens"]["billed"] for run in runs]
    wasted = [run["tokens"]["wasted"] for run in runs]
    total = [sum((part["input"] or 0) + (part["output"] or 0) for part in parts) for parts in (billed, wasted)]
    return "\n".join(
        (
            f"{len(runs)} runs: {_counts(statuses)}{_waiting(runs)}",
            f"of them: {_counts(types)}",
            f"{attempts} attempts, {retries} of them retries",
            f"{total[0]:,} tokens billed, {total[1]:,} of them wasted",
        )
    )


def _waiting(runs: Sequence[Mapping[str, Any]]) -> str:
    """What the open runs wait for, if anything."""
    waits = Counter(WAITS[run["waiting_for"]] for run in runs if run.get("waiting_for") in WAITS)
    return f"; of the running ones {_counts(waits)}" if waits else ""


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common()) or "none"

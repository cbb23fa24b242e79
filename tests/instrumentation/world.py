"""Everything a matrix cell needs: real servers, and the question whether Durascope's account equals the truth.

truth: lines written by activities and by the model provider, and the model server's own log
account: what a collector makes of the workers' export and of Temporal's history
"""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import Client

from durascope.history import read_history
from durascope_dashboard.analysis.view import run_object
from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.model_server import ScriptedServer
from tests.collector.running import RunningCollector
from tests.instrumentation.scenario import TRUTH, Told, truth

DEADLINE_S = 60.0  # a busy machine is slow, not wrong
Decode = Callable[[Payload], Payload | None]
Key = tuple[str, str, int]
TOKENS = ("input", "cached_input", "output", "reasoning", "cache_write")


def unique(name: str) -> str:
    """A workflow id, which is part of the prompt too: so the model server's log knows the run."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


@dataclass
class World:
    """The servers, and where the truth is."""

    temporal: DevServer
    model: ScriptedServer
    collector: RunningCollector
    folder: Path

    @property
    def truth(self) -> Path:
        """The file that activities write to."""
        return self.folder / "truth.jsonl"

    @property
    def log(self) -> str:
        """What workers say."""
        return str(self.folder / "workers.log")

    @property
    def environment(self) -> dict[str, str]:
        """What a worker process needs to know."""
        return {
            TRUTH: str(self.truth),
            "OPENAI_BASE_URL": self.model.base_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }

    def told(self, runs: Iterable[str]) -> dict[Key, list[str]]:
        """(run, activity, attempt) -> what was told of it, of these runs."""
        wanted, found = set(runs), dict[Key, list[str]]()
        for line in truth(self.truth):
            if line.run_id in wanted:
                found.setdefault((line.run_id, line.activity_id, line.attempt), []).append(line.what)
        return found

    def lines(self, run_id: str) -> list[Told]:
        """Every line of one run."""
        return [line for line in truth(self.truth) if line.run_id == run_id]

    def billed(self, uid: str) -> Counter[str]:
        """Tokens that the model server sent in answers to prompts with this id."""
        total: Counter[str] = Counter(dict.fromkeys(TOKENS, 0))
        for record in self.model.log:
            if uid.split("-")[-1] in record.user and record.usage is not None:
                total.update({name: getattr(record.usage, name) for name in TOKENS})
        return total

    async def account(
        self, client: Client, runs: dict[str, str], check: Callable[["Account"], None], decode: Decode | None = None
    ) -> "Account":
        """What Durascope says of these runs (run id -> workflow id), as soon as it stands the check."""
        records = []
        for run_id, workflow_id in runs.items():
            history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
            records.append(read_history(history.events, "default", workflow_id, run_id, decode=decode))
        await asyncio.to_thread(self.collector.collector.ingest.write_history, records)
        deadline = time.monotonic() + DEADLINE_S
        while True:
            account = await asyncio.to_thread(self._read, runs)
            try:
                check(account)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.25)
            else:
                return account

    def _read(self, runs: dict[str, str]) -> "Account":
        reader = self.collector.reader
        shown, spans = [], []
        for run_id, workflow_id in runs.items():
            key = {"namespace": "default", "workflow_id": workflow_id, "run_id": run_id}
            found = reader.query("run", **key).to_pylist()
            parts = (reader.query(name, **key).to_pylist() for name in ("operations", "attempts"))
            shown += [run_object(found[0], *parts)] if found else []
            spans += reader.query("spans", **key).to_pylist()
        return Account(shown, spans)


@dataclass(frozen=True)
class Account:
    """What Durascope says: ``runs`` as `durascope show --json` prints them, and all their spans."""

    runs: list[dict[str, Any]]
    spans: list[dict[str, Any]]

    def listed(self) -> list[tuple[Key, dict[str, Any], str]]:
        """Each attempt with its key and its operation's kind."""
        return [
            ((run["run_id"], operation["activity_id"], attempt["attempt"]), attempt, operation["kind"])
            for run in self.runs
            for operation in run["operations"]
            if operation["activity_id"] is not None
            for attempt in operation["attempts"]
        ]

    def attempts(self) -> dict[Key, dict[str, Any]]:
        """By key; fails if one is there twice."""
        listed = self.listed()
        found = {key: attempt for key, attempt, _ in listed}
        assert len(found) == len(listed), "an attempt is there twice"
        return found

    def sum(self, part: str) -> Counter[str]:
        """Tokens of all runs."""
        total: Counter[str] = Counter()
        for run in self.runs:
            total.update({name: run["tokens"][part].get(name, 0) for name in TOKENS})
        return total

    def kinds(self) -> Counter[str]:
        """How many operations of each kind."""
        return Counter(operation["kind"] for run in self.runs for operation in run["operations"])

    def orphans(self, *outside: str) -> list[str]:
        """Names of spans whose parent is nowhere; span ids in ``outside`` are elsewhere, rightly."""
        known = {span["span_id"] for span in self.spans} | set(outside)
        return [s["name"] for s in self.spans if s["parent_span_id"] and s["parent_span_id"] not in known]

    def traces(self) -> set[str]:
        """Trace ids of all spans."""
        return {span["trace_id"] for span in self.spans}


ENDS = {"ok": {"ok"}, "error": {"error"}, "cancelled": {"cancelled", "timeout"}, "started": {"lost", "timeout"}}


def agree(account: Account, told: dict[Key, list[str]]) -> None:
    """Every attempt that really ran is there once with the right end, and no other is."""
    found = account.attempts()
    assert set(found) == set(told), found
    wrong = {key: found[key]["status"] for key, words in told.items() if found[key]["status"] not in ENDS[words[-1]]}
    assert not wrong, f"told {told}"
    unheard = [key for key, words in told.items() if len(words) > 1 and found[key]["source"] != "both"]
    assert not unheard, "the worker's export is not there, or history's"

"""Runs made up for the dashboard's tests: evidence as collector and history reader write it, joined by the real join.

Everything follows from a seed and a start time, so a picture of one day is the picture of the next.
"""

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from durascope import identity
from durascope_dashboard.analysis.frames import conform, to_arrow
from durascope_dashboard.analysis.join import Evidence, Joined, join
from durascope_dashboard.store.duckdb_store import DuckStore
from durascope_dashboard.store.engine import Store
from tests.store.rows import put_joined

S = 1_000_000
HOSTILE = "<img src=x onerror=alert(1)>'\"&{{7*7}}\u202e"
TOKENS = ("tokens_input", "tokens_cached_input", "tokens_output", "tokens_reasoning")
EVIDENCE = tuple(Evidence.__dataclass_fields__)
Row = dict[str, Any]


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass
class Story:
    """One run being told: ``at`` is the clock (µs); each method adds evidence and moves it on."""

    workflow_id: str
    workflow_type: str
    started: int
    spans_known: bool = True
    status: str = "completed"
    closed: bool = True
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in EVIDENCE})
    extra: Row = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.at = self.started
        self.run_id = f"{identity.run_span_id(identity.RunKey('default', self.workflow_id, 'x')):016x}-run"
        self.key = {"namespace": "default", "workflow_id": self.workflow_id, "run_id": self.run_id}
        self.run_key = identity.RunKey(**self.key)
        self.trace = identity.format_trace_id(identity.trace_id(self.run_key))
        self.root = identity.format_span_id(identity.run_span_id(self.run_key))
        self.number = 0

    def span(self, name: str, kind: str | None, parent: str | None, start: int, end: int | None, **more: Any) -> str:
        """A span; answers its id."""
        self.number += 1
        span_id = more.pop("span_id", f"{identity.agents_span_id(f'{self.workflow_id}/{self.number}'):016x}")
        if self.spans_known:
            self.rows["spans"].append(
                {**self.key, "trace_id": self.trace, "span_id": span_id, "parent_span_id": parent, "name": name,
                 "kind": kind, "start": start, "end": end, "status": "ok", "received": start, "seq": self.number,
                 "attributes": '{"note": "<b>raw</b>"}', "events": "[]", "resource": "{}", "service": "worker", **more}
            )  # fmt: skip
        return str(span_id)

    def operation(
        self, name: str, kind: str, parent: str | None, tries: list[Row], *, agent: str | None = None,
        model: str | None = None, max_attempts: int | None = 5, open_: bool = False, start: int | None = None,
    ) -> str:  # fmt: skip
        """An activity with its attempts: each {queue, run, backoff, status, ...} in seconds."""
        self.number += 1
        activity = str(self.number)
        begin = clock = self.at if start is None else start
        for number, tried in enumerate(tries, 1):
            clock += int(tried.get("backoff", 0) * S)
            clock = self._attempt(activity, number, clock, tried, name, kind, agent, model, parent, begin)
        last = tries[-1]
        status = last.get("status", "ok")
        self.rows["history_operations"].append(
            {**self.key, "operation_id": f"activity:{activity}", "kind": kind, "name": name,
             "status": "running" if open_ else status, "scheduled": begin, "closed": None if open_ else clock,
             "activity_id": activity, "activity_type": "invoke_model_activity" if kind == "model" else name,
             "agent": agent, "model": model, "task_queue": "agents", "attempts": len(tries),
             "max_attempts": max_attempts, "parent_span_id": parent if self.spans_known else None,
             "event_id": self.number * 3, "error_type": last.get("error") if status != "ok" else None}
        )  # fmt: skip
        self.at = max(self.at, clock)
        return f"activity:{activity}"

    def _attempt(
        self, activity: str, number: int, queued: int, tried: Row, name: str, kind: str, agent: str | None,
        model: str | None, parent: str | None, begin: int,
    ) -> int:  # fmt: skip
        started = queued + int(tried.get("queue", 0.02) * S)
        status = tried.get("status", "ok")
        ended = None if status == "running" else started + int(tried.get("run", 1) * S)
        tokens = tried.get("tokens")
        row = {
            **self.key, "activity_id": activity, "attempt": number, "status": status, "queued": queued,
            "started": started, "ended": ended, "error_type": tried.get("error"), "error_message": tried.get("message"),
            "retry_delay_ms": tried.get("delay"), "retry_by": tried.get("by"), "worker": "worker-1@host",
            "task_queue": "agents", "build_id": "v13", "model": model, "http_retries": tried.get("http_retries"),
            "http_status": tried.get("http"), "estimated": False,
            **(dict(zip(TOKENS, tokens, strict=True)) if tokens else {}),
        }  # fmt: skip
        key = identity.AttemptKey(*self.run_key, activity, number)
        if self.spans_known:
            span_id = identity.format_span_id(identity.attempt_span_id(key))
            self.rows["span_attempts"].append(
                {**row, "source": "span", "workflow_type": self.workflow_type, "activity_type": name, "agent": agent,
                 "operation_kind": kind, "scheduled": begin, "is_local": False, "parent_span_id": parent,
                 "trace_id": self.trace, "span_id": span_id, "begun_only": status == "running"}
            )  # fmt: skip
            self.span(name, "attempt", parent, started, ended, span_id=span_id, activity_id=activity, attempt=number)
        if status == "ok" or tried.get("final"):
            self.rows["history_attempts"].append({**row, "source": "history"})
        return ended or started

    def wait(self, seconds: float, kind: str = "human_wait", name: str = "approval", *, open_: bool = False) -> None:
        """Time in which the run waits for something outside."""
        self.number += 1
        end = None if open_ else self.at + int(seconds * S)
        self.rows["history_operations"].append(
            {**self.key, "operation_id": f"{kind}:{self.number}", "kind": kind, "name": name, "scheduled": self.at,
             "status": "pending" if open_ else "ok", "closed": end, "attempts": 0, "event_id": self.number * 3}
        )  # fmt: skip
        if kind == "human_wait":
            self.rows["history_waits"].append(
                {**self.key, "kind": "external_wait", "started": self.at, "ended": end}
            )  # fmt: skip
        self.at = end or self.at

    def finish(self) -> dict[str, list[Row]]:
        """Close the run, with its workflow span."""
        closed = self.at + 20_000 if self.closed else None
        self.span(self.workflow_type, "workflow", None, self.started, closed, span_id=self.root)
        self.rows["history_runs"].append(
            {**self.key, "workflow_type": self.workflow_type, "task_queue": "agents", "status": self.status,
             "started": self.started, "closed": closed, "first_run_id": self.run_id, "build_id": "v13",
             "trace_id": self.trace, "history_events": 12 + 6 * self.number, "history_bytes": 9000 * self.number,
             "last_event_id": 12 + 6 * self.number, "from_history": True, **self.extra}
        )  # fmt: skip
        return self.rows


MODEL = "gpt-5-mini"
RESET = {"status": "error", "error": "ConnectionError", "message": "reset", "delay": 2000.0, "by": "policy"}
LIMIT = {"status": "error", "error": "RateLimitError", "message": "429: slow down", "http": 429}


def model(rng: random.Random, **more: Any) -> Row:
    """One good model attempt."""
    size = rng.randint(600, 9000)
    tokens = (size, size // 3, rng.randint(60, 900), rng.randint(0, 60))
    return {"queue": rng.uniform(0.005, 0.06), "run": rng.uniform(0.5, 2.2), "tokens": tokens, **more}


def tool(rng: random.Random, **more: Any) -> Row:
    """One good tool attempt."""
    return {"queue": rng.uniform(0.003, 0.05), "run": rng.uniform(0.15, 1.4), **more}


def limited(rng: random.Random, wait: float) -> Row:
    """A model attempt refused by the provider, which says how long to wait."""
    return {"queue": 0.01, "run": rng.uniform(0.1, 0.3), "delay": wait * 1000, "by": "server", **LIMIT}


def research(
    workflow_id: str, started: int, *, seed: int = 1, trouble: int = 1, turns: int = 3, spans: bool = True
) -> Story:
    """Planner, searchers and writer; ``trouble`` is how often things fail."""
    rng = random.Random(seed)
    story = Story(workflow_id, "ResearchWorkflow", started, spans_known=spans)
    for number, agent in enumerate(("Planner", "Researcher", "Writer")):
        begun = story.at
        agent_id = story.span(agent, "agent", story.root, begun, None, agent=agent)
        for turn in range(1, turns + 1):
            _turn(story, rng, agent, agent_id, turn, trouble if number == 1 else trouble - 1)
        for span in story.rows["spans"]:
            if span["span_id"] == agent_id:
                span["end"] = story.at
        if agent != "Writer":
            story.span(f"{agent} → next", "handoff", story.root, story.at, story.at + 20_000)
    return story


def _turn(story: Story, rng: random.Random, agent: str, agent_id: str, turn: int, trouble: int) -> None:
    begun = story.at
    turn_id = story.span(f"turn {turn}", "turn", agent_id, begun, None, agent=agent)
    tries = [model(rng)]
    if trouble > 0 and turn == 2:
        wait = 2.0 * trouble
        tries = [limited(rng, wait), model(rng, backoff=wait)]
    story.operation("model", "model", turn_id, tries, agent=agent, model=MODEL)
    starts = story.at
    for name in ("web_search", "fetch_page")[: 1 + turn % 2]:
        tries = [tool(rng)]
        if trouble > 0 and turn == 2:
            tries = [
                tool(rng, status="timeout", error="StartToCloseTimeout", run=1.1, delay=1000.0, by="policy"),
                {**tool(rng, backoff=1.0), **RESET},
                tool(rng, backoff=2.0),
            ]  # fmt: skip
        story.operation(name, "tool", turn_id, tries, agent=agent, start=starts)
    for span in story.rows["spans"]:
        if span["span_id"] == turn_id:
            span["end"] = story.at


def retrying(workflow_id: str, started: int) -> Story:
    """An open run whose model call is being retried right now."""
    story = Story(workflow_id, "SupportTriage", started, status="running", closed=False)
    rng = random.Random(7)
    agent = story.span("Triage", "agent", story.root, story.at, None, agent="Triage")
    story.operation("lookup", "tool", agent, [tool(rng)], agent="Triage")
    tries = [
        limited(rng, 4.0),
        {**limited(rng, 4.0), "backoff": 4.0},
        {"backoff": 4.0, "status": "running", "queue": 0.02},
    ]
    story.operation("model", "model", agent, tries, agent="Triage", model=MODEL, open_=True)
    return story


def waiting(workflow_id: str, started: int) -> Story:
    """An open run that waits for a person."""
    story = Story(workflow_id, "ApprovalWorkflow", started, status="running", closed=False)
    rng = random.Random(3)
    story.operation("model", "model", None, [model(rng)], agent="Buyer", model=MODEL)
    story.wait(0, open_=True)
    return story


def hostile(workflow_id: str, started: int) -> Story:
    """A failed run whose every name tries to be markup."""
    story = Story(workflow_id, HOSTILE, started, status="failed")
    story.extra = {"failure_type": HOSTILE, "failure_message": HOSTILE}
    failed = {"status": "error", "error": HOSTILE, "message": HOSTILE, "final": True}
    agent = story.span(HOSTILE, "agent", story.root, story.at, story.at + S, agent=HOSTILE)
    story.operation(HOSTILE, "tool", agent, [failed, {**failed, "backoff": 1.0}], agent=HOSTILE)
    return story


def fleet(moment: int) -> list[Story]:
    """A small fleet with every trouble the pages know."""
    stories = [
        research(f"research-{i}", moment - (40 + 97 * i) * S, seed=i, trouble=(0, 1, 2, 0, 3)[i % 5], turns=2 + i % 3)
        for i in range(12)
    ]
    stories += [research("research-history", moment - 2000 * S, seed=99, spans=False)]
    stories += [retrying("triage-now", moment - 25 * S), waiting("approval-7", moment - 4000 * S)]
    return [*stories, hostile("hostile-1", moment - 700 * S)]


def joined(stories: list[Story], moment: int) -> tuple[Evidence, Joined]:
    """The evidence of all stories, and what the real join makes of it."""
    told: dict[str, list[Row]] = {name: [] for name in EVIDENCE}
    for story in stories:
        for name, rows in story.finish().items():
            told[name] += rows
    evidence = Evidence(**{name: conform(pd.DataFrame(rows), name) for name, rows in told.items()})
    return evidence, join(evidence, moment)


def write(path: Path, stories: list[Story], moment: int) -> None:
    """A store file that holds them."""
    store = DuckStore(path)
    try:
        tell(store, stories, moment)
    finally:
        store.close()


def tell(store: Store, stories: list[Story], moment: int) -> None:
    """Write them into an open store."""
    evidence, result = joined(stories, moment)
    store.write({name: to_arrow(getattr(evidence, name), name) for name in EVIDENCE})
    put_joined(store, result)

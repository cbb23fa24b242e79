"""Runs of thousands of operations, as an agent leaves them that worked for hours: for sizes, not for stories."""

import random

from tests.dashboard import synthetic
from tests.dashboard.synthetic import Row, Story

AGENTS = ("Triage", "Researcher", "Writer", "Reviewer")
TOOLS = ("search_web", "fetch_page", "vector_lookup", "run_python", "send_email")


def long_run(workflow_id: str, started: int, segments: int, *, seed: int = 5, open_: bool = False) -> Story:
    """A run whose timeline has at least ``segments`` segments, and a few more; one operation in eight is retried."""
    rng = random.Random(seed)
    status = "running" if open_ else "completed"
    story = Story(workflow_id, "ResearchWorkflow", started, status=status, closed=not open_)
    drawn, turn, agent, agent_row = 1, 0, "", None
    while drawn < segments:
        if turn % 12 == 0:
            drawn += 1
            agent = AGENTS[turn // 12 % len(AGENTS)]
            _end(story, agent_row)
            agent_row = _span(story, agent, "agent", story.root, agent)
        turn += 1
        assert agent_row is not None
        turn_row = _span(story, f"turn {turn}", "turn", agent_row["span_id"], agent)
        drawn += 1 + _calls(story, rng, turn_row["span_id"], agent)
        _end(story, turn_row)
    _end(story, agent_row)
    return story


def _calls(story: Story, rng: random.Random, parent: str, agent: str) -> int:
    tries = [synthetic.model(rng)]
    if rng.random() < 0.125:
        tries = [synthetic.limited(rng, 2.0), synthetic.model(rng, backoff=2.0)]
    story.operation("model", "model", parent, tries, agent=agent, model=synthetic.MODEL)
    drawn, begun = 3 * len(tries) - 1, story.at
    for _ in range(rng.randint(1, 3)):
        tries = [synthetic.tool(rng)]
        if rng.random() < 0.125:
            failed = {"status": "timeout", "error": "StartToCloseTimeout", "delay": 1000.0, "by": "policy"}
            tries = [synthetic.tool(rng, **failed), synthetic.tool(rng, backoff=1.0)]
        story.operation(rng.choice(TOOLS), "tool", parent, tries, agent=agent, start=begun)
        drawn += 3 * len(tries) - 1
    return drawn


def _span(story: Story, name: str, kind: str, parent: str | None, agent: str) -> Row:
    story.span(name, kind, parent, story.at, None, agent=agent)
    found: Row = story.rows["spans"][-1]
    return found


def _end(story: Story, row: Row | None) -> None:
    if row is not None:
        row["end"] = story.at

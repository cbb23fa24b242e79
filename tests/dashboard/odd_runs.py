"""Runs at the edges of what can happen: open for a month, known from history alone, named in any script, unpriced,
on a worker whose clock is wrong, and with twenty thousand segments.
"""

import random

from tests.dashboard import synthetic
from tests.dashboard.long_runs import long_run
from tests.dashboard.synthetic import HOSTILE, S, Story

DAY = 86_400 * S
UNICODE = "研究-исследование-🔬-بحث-e\u0301-" + "x" * 120
SKEW_S = 4.2


def month(moment: int) -> Story:
    """Open since 30 days ago, waiting for a person, with one retry on its first day."""
    story = Story("open-for-a-month", "ApprovalWorkflow", moment - 30 * DAY, status="running", closed=False)
    rng = random.Random(2)
    story.operation("model", "model", None, [synthetic.limited(rng, 2.0), synthetic.model(rng, backoff=2.0)],
                    agent="Buyer", model=synthetic.MODEL)  # fmt: skip
    story.wait(0, open_=True)
    return story


def unicode_run(moment: int) -> Story:
    """Every name in several scripts, longer than any column."""
    story = Story(UNICODE, UNICODE, moment - 600 * S)
    agent = story.span(UNICODE, "agent", story.root, story.at, story.at + S, agent=UNICODE)
    failed = {"status": "error", "error": UNICODE, "message": UNICODE * 3, "delay": 500.0, "by": "policy"}
    story.operation(UNICODE, "tool", agent, [failed, {"run": 0.4, "backoff": 0.5}], agent=UNICODE)
    return story


def unpriced(moment: int) -> Story:
    """A model that no price list has, and a call whose usage nobody saw."""
    story = Story("unknown-prices", "ResearchWorkflow", moment - 500 * S)
    story.operation("model", "model", None, [{"run": 1.0, "tokens": (900, 0, 100, 0)}], agent="A", model="house-model")
    story.operation("model", "model", None, [{"run": 1.0}], agent="A", model="house-model")
    return story


def skewed(moment: int) -> Story:
    """A worker whose clock is seconds ahead of the server's."""
    story = synthetic.research("wrong-clock", moment - 400 * S, seed=4, trouble=1, turns=2)
    for row in story.rows["span_attempts"]:
        row["skew_ms"] = SKEW_S * 1000.0
        row["started"] += int(SKEW_S * S)
        row["ended"] += int(SKEW_S * S)
    return story


def odd(moment: int) -> list[Story]:
    """All of them."""
    return [
        month(moment), unicode_run(moment), unpriced(moment), skewed(moment),
        synthetic.research("history-only", moment - 300 * S, seed=9, spans=False),
        synthetic.hostile("hostile", moment - 200 * S), long_run("twenty-thousand", moment - 80_000 * S, 20_000),
    ]  # fmt: skip


SAYS = {
    "open-for-a-month": "running for 30 d",
    UNICODE: "исследование",
    "unknown-prices": "No price is known for house-model",
    "wrong-clock": "A worker's clock is at least 4200 ms ahead",
    "history-only": "No worker telemetry",
    "hostile": HOSTILE[:20],
    "twenty-thousand": "Telemetry: ",
}
"""Words that its Run page must say, by workflow id."""

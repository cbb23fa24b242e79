"""The traffic generator: the same seed, the same runs; an open loop; every run accounted for; workers that die."""

import asyncio
import os
import re
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from durascope_dashboard.demo.dev_server import DevServer
from sample_workflows.traffic.generator import Generator, arrivals
from sample_workflows.traffic.outcomes import outcomes_of, wait_until_closed
from sample_workflows.traffic.session import Session
from sample_workflows.traffic.starters import STARTERS, mix_of
from sample_workflows.traffic.worker_pool import WorkerPool
from tests.sample_workflows.conftest import StageFactory

SAMPLES = Path(__file__).resolve().parents[2] / "sample_workflows"


def test_the_same_seed_gives_the_same_arrivals() -> None:
    """Samples, times and everything that varies within a run."""

    def first(seed: int) -> list[tuple[str, float, float]]:
        some = islice(arrivals(2.0, mix_of("all"), seed), 50)
        return [(arrival.sample, arrival.at, arrival.random.random()) for arrival in some]

    assert first(3) == first(3) != first(4)
    assert first(3)[0][1] == 0.0


def test_the_rate_is_the_mean_rate() -> None:
    """A thousand arrivals at two a second take about five hundred seconds."""
    last = list(islice(arrivals(2.0, {"poem": 1.0}, 1), 1000))[-1]
    assert 450 < last.at < 550


def test_a_mix_is_weights_of_known_samples() -> None:
    """Unknown names and weights are said in a sentence."""
    assert mix_of("poem=3,account") == {"poem": 3.0, "account": 1.0}
    assert set(mix_of("all")) == set(STARTERS)
    assert mix_of("all,poem=3") == dict.fromkeys(STARTERS, 1.0) | {"poem": 3.0}
    with pytest.raises(ValueError, match="no sample is called 'haiku'; there are: all, observable, research"):
        mix_of("haiku")
    with pytest.raises(ValueError, match="the weight of 'poem' must be a number, not 'much'"):
        mix_of("poem=much")


async def test_every_run_that_was_started_is_accounted_for(stage: StageFactory) -> None:
    """Questions, approvals and conversations, with the people in them; all have an end that Temporal knows."""
    async with stage() as s:
        done = asyncio.Event()
        generator = Generator(Session(s.client, s.task_queue, pace=0.005), s.task_queue)
        mix = mix_of("observable,account,conversation,panel")
        await generator.generate(arrivals(20.0, mix, 5), done, None, limit=12)
        await generator.drain(done, 60)
        assert await wait_until_closed(s.client, generator.started, 60, done) == 0
        outcomes = await outcomes_of(s.client, generator.started)
        assert generator.errors == []
        assert outcomes.total.total() == 12 == len(generator.started)
        assert set(outcomes.total) <= {"completed", "terminated"}
        assert outcomes.lines()[-1].startswith("together         12  ")


def test_a_killed_worker_is_started_again(temporal_server: DevServer, tmp_path: Path) -> None:
    """SIGKILL, then another process in its place; at the end none is left."""
    environment = os.environ | {"TEMPORAL_ADDRESS": temporal_server.address, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    pool = WorkerPool(tmp_path, environment, "pool", roles=("tools",), options=("--without-plugin",))
    try:
        pool.start()
        assert pool.kill_one(Random(1)) == "tools"
        assert pool.kills == ["tools"]
        assert pool.kill_one(Random(1)) == ""  # its successor does not poll yet
    finally:
        pool.stop()
    assert len(list(tmp_path.glob("worker-tools-0.*.log"))) == 2


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in SAMPLES.glob("*/script.py")))
def test_every_sample_says_how_to_run_it(folder: str) -> None:
    """Its README names samples that the traffic knows, and what to look at."""
    text = (SAMPLES / folder / "README.md").read_text()
    named = re.findall(r"--mix (\w+)", text)
    assert named and set(named) <= set(STARTERS)
    assert "## What to look at" in text
    assert f"[{folder}]({folder}/README.md)" in (SAMPLES / "README.md").read_text()

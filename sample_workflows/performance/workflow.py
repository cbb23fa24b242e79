"""Classifies reviews in parallel with a bound, asking the model once for each distinct text."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from agents import Agent, Runner, custom_span, trace
from temporalio import workflow

from sample_workflows.performance.memo import Memo
from sample_workflows.performance.tools import Shop

PARALLEL = 4


@dataclass
class Review:
    """One review of a product."""

    product: str
    text: str


@workflow.defn
class ReviewsWorkflow:
    """Classifies a batch of reviews."""

    @workflow.run
    async def run(self, reviews: list[Review]) -> list[str]:
        """A line for each review, in their order."""
        # The semaphore keeps one run from taking every worker slot; the order of results stays that of the input.
        slots, memo = asyncio.Semaphore(PARALLEL), Memo(self._classify)

        async def classify(review: Review) -> str:
            async with slots:
                return await memo(review.text)

        with trace("Reviews"), custom_span("Classify in parallel", data={"reviews": len(reviews)}):
            products = await workflow.execute_activity_method(
                Shop.describe_products,
                sorted({review.product for review in reviews}),
                start_to_close_timeout=timedelta(seconds=10),
            )
            moods = await asyncio.gather(*(classify(review) for review in reviews))
        return [f"{products[review.product]}: {mood}" for review, mood in zip(reviews, moods, strict=True)]

    async def _classify(self, text: str) -> str:
        critic = Agent(name="Critic", model="gpt-4o-mini", instructions="You classify reviews as good or bad.")
        return str((await Runner.run(critic, text)).final_output)

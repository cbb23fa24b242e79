"""A saga: each completed step leaves its undoing behind, and a failure undoes them in reverse order."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from agents import Agent, Runner
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

FULL_HOUSE = "Atlantis"


@activity.defn
async def book_flight(trip: str) -> str:
    """Book a flight."""
    return f"flight for {trip}"


@activity.defn
async def book_hotel(trip: str) -> str:
    """Book a hotel. In one city the hotel's system is down for minutes: a run that is retrying, not stuck."""
    if FULL_HOUSE in trip and activity.info().attempt < 12:
        raise ApplicationError("the hotel's system is down", type="HotelUnavailable")
    return f"hotel for {trip}"


@activity.defn
async def charge_card(trip: str) -> str:
    """Charge the card: refused for good."""
    raise ApplicationError("the card was declined", type="CardDeclined", non_retryable=True)


@activity.defn
async def cancel_flight(trip: str) -> str:
    """Undo book_flight."""
    return "flight cancelled"


@activity.defn
async def cancel_hotel(trip: str) -> str:
    """Undo book_hotel."""
    return "hotel cancelled"


TOOLS: list[Callable[..., Any]] = [book_flight, book_hotel, charge_card, cancel_flight, cancel_hotel]


@workflow.defn
class BookingWorkflow:
    """Books a trip; all of it or nothing."""

    @workflow.run
    async def run(self, trip: str) -> list[str]:
        """What was done, in order; after a failure the apology of an agent ends the list."""
        done: list[str] = []
        undo: list[Callable[..., Any]] = []
        try:
            done.append(await self._do(book_flight, trip))
            undo.append(cancel_flight)
            done.append(await self._do(book_hotel, trip))
            undo.append(cancel_hotel)
            done.append(await self._do(charge_card, trip))
        except ActivityError as error:
            done += [await self._do(step, trip) for step in reversed(undo)]
            done.append(await self._apologise(f"{trip}: {error.cause}"))
        return done

    async def _do(self, step: Callable[..., Any], trip: str) -> str:
        return str(
            await workflow.execute_activity(
                step,
                trip,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
            )
        )

    async def _apologise(self, reason: str) -> str:
        agent = Agent(name="Apologist", model="gpt-4o-mini", instructions="You apologise to travellers.")
        return str((await Runner.run(agent, reason)).final_output)

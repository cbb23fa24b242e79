"""What is waited out and what is not, and what is told meanwhile."""

import asyncio
import time

import pytest
from temporalio.service import RPCError, RPCStatusCode

from durascope_dashboard.temporal.availability import Availability, refusal
from durascope_dashboard.temporal.needs import Needs
from tests.temporal.conftest import eventually


async def answer_after(server: Availability, *codes: RPCStatusCode) -> str:
    """A call that fails with these, then answers."""
    left = list(codes)

    async def call() -> str:
        if left:
            raise RPCError("no", left.pop(0), b"")
        return "answer"

    return await server.until_answered(call)


@pytest.mark.parametrize("code", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED])
async def test_the_servers_own_trouble_is_waited_out(code: RPCStatusCode) -> None:
    """Away or overloaded: asked again, ever more slowly, until it answers."""
    server = Availability(0.001, 0.01)
    assert await answer_after(server, code, code, code) == "answer"
    assert server.state == "running"
    assert server.throttled == (3 if code is RPCStatusCode.RESOURCE_EXHAUSTED else 0)


async def test_a_wrong_request_is_not() -> None:
    """What waiting does not cure is raised; the server is up."""
    server = Availability(0.001, 0.01)
    with pytest.raises(RPCError):
        await answer_after(server, RPCStatusCode.NOT_FOUND)
    assert server.state == "running"


@pytest.mark.parametrize("code", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED])
async def test_a_wait_is_told_from_its_first_failure(code: RPCStatusCode) -> None:
    """Over a rate limit too, where the server counts as running: no wait hides a lag."""
    server, begun = Availability(10, 10), time.monotonic()
    waiting = asyncio.create_task(answer_after(server, code))
    await eventually(lambda: server.waiting_since, "the wait")
    assert server.waiting_since is not None and begun <= server.waiting_since <= time.monotonic()
    assert (server.state == "down", server.error is not None) == (code is RPCStatusCode.UNAVAILABLE,) * 2
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_nothing_waits_after_an_answer() -> None:
    """Neither error nor lag is left of it."""
    server = Availability(0.001, 0.01)
    await answer_after(server, RPCStatusCode.UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED)
    assert (server.state, server.error, server.waiting_since) == ("running", None, None)


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (RPCStatusCode.NOT_FOUND, "register it, or mend --namespace"),
        (RPCStatusCode.PERMISSION_DENIED, "give the credentials the right to read it"),
        (RPCStatusCode.UNAVAILABLE, "see that it runs"),
    ],
)
def test_a_refusal_is_one_sentence(code: RPCStatusCode, step: str) -> None:
    """The namespace, what the server said, and what to do."""
    said = refusal("orders", RPCError("no such luck.", code, b""))
    assert "namespace orders" in said and f"({code.name}: no such luck)" in said and step in said


async def test_one_that_is_away_does_not_speak_for_the_others() -> None:
    """With one of two namespaces refused the follower runs, and tells."""
    needs = Needs((0.001, 0.01))
    denied = RPCError("denied", RPCStatusCode.PERMISSION_DENIED, b"")
    for name in ("one", "two"):
        needs.add_namespace(name)
    assert (needs.state, needs.error) == ("starting", None)

    refused = True

    async def answer() -> None:
        if refused:
            raise denied

    waiting = asyncio.create_task(needs.listed("one", answer))
    await eventually(lambda: needs.error, "the refusal")
    await needs.listed("two", lambda: asyncio.sleep(0))
    assert needs.state == "running" and "namespace one" in str(needs.error)
    refused = False
    await waiting
    assert (needs.state, needs.error, needs.waiting_since) == ("running", None, None)

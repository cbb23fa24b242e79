"""The three that may repeat a model call are told apart: Temporal, the Agents runner, and the HTTP client inside."""

from collections import Counter

from tests.instrumentation.test_matrix import bare, begin, finish, of, whole
from tests.instrumentation.world import World


async def test_the_runners_retries_are_operations_of_their_own(fleet: World) -> None:
    """The runner calls again what Temporal has given up: a second operation, not another attempt of the first."""
    client = await bare(fleet)
    handle = await begin(client, "insistent")
    await finish(handle)
    account = await whole(fleet, client, of(handle), handle.id)
    model = [operation for operation in account.runs[0]["operations"] if operation["kind"] == "model"]
    assert [operation["status"] for operation in model] == ["error", "ok", "ok"]
    assert [[attempt["status"] for attempt in operation["attempts"]] for operation in model] == [
        ["error"],  # 400: Temporal does not try again, the runner does
        ["error", "ok"],  # 500: Temporal tries again
        ["ok"],  # the answer, after the tool
    ]
    assert [attempt["http_status"] for operation in model for attempt in operation["attempts"]][:2] == [400, 500]
    assert account.runs[0]["retries"]["retries"] == 1
    assert Counter(span["name"] for span in account.spans)["invoke_workflow Journey"] == 1
    assert not account.orphans()

"""Every pattern on the real dev server: what comes out of it, and what `durascope show --json` says of it.

All scenarios run at once, in worker processes with the plugin, before the first test; each test then reads its own.
"""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError, CancelledError

from sample_workflows.error_recovery.workflow import Diagnosis
from sample_workflows.failure_isolation.panel import PanelReport
from sample_workflows.worker_configuration.parameters import MODEL_PARAMETERS
from tests.sample_workflows.fleet import Fleet, Run
from tests.sample_workflows.scenarios import Played, Stage, play_all

Show = Callable[..., Run]


@pytest.fixture(scope="module")
def played(fleet: Fleet) -> dict[str, Played]:
    """Every scenario, played."""

    async def play() -> dict[str, Played]:
        return await play_all(Stage(await fleet.client(), fleet.task_queue, uuid4().hex[:8]))

    return asyncio.run(play())


@pytest.fixture
def show(fleet: Fleet, played: dict[str, Played]) -> Show:
    """``show(scenario, operations=N)``: the run's JSON once it is closed and whole."""

    def read(name: str, operations: int, suffix: str = "", run_id: str | None = None) -> Run:
        def whole(run: Run) -> bool:
            seen = run["coverage"]["span_attempts"] == run["coverage"]["history_attempts"]
            # Seen to begin is not yet seen to end: a given-up attempt tells its own end a little later.
            lost = any(a["status"] == "lost" for o in run["operations"] for a in o["attempts"])
            # A span may come before its parent, which ends after it.
            orphans = run["coverage"]["orphan_spans"]
            return (
                run["closed"] is not None and seen and not lost and not orphans and len(run["operations"]) == operations
            )

        run = fleet.observed(played[name].workflow_id + suffix, whole, run_id)
        assert run["coverage"]["reconstructed"] == run["coverage"]["orphan_spans"] == 0
        assert run["time_ms"]["total"] == pytest.approx(run["duration_ms"], abs=0.01)
        for part in ("input", "output"):
            tokens = run["tokens"]
            assert tokens["billed"][part] == tokens["useful"][part] + tokens["wasted"][part]
        return run

    return read


def kinds(run: Run) -> list[tuple[str, str, str]]:
    """Kind, name (a model call's: its agent) and status of each operation."""
    return [(o["kind"], o["agent"] if o["kind"] == "model" else o["name"], o["status"]) for o in run["operations"]]


def operation(run: Run, name: str) -> Run:
    """The only operation of this name (a model call's: its agent)."""
    [found] = [o for o in run["operations"] if name == (o["agent"] if o["kind"] == "model" else o["name"])]
    assert isinstance(found, dict)
    return found


def statuses(found: Run) -> list[str]:
    return [attempt["status"] for attempt in found["attempts"]]


def test_observable_traces_and_groups_its_agent(played: dict[str, Played], show: Show) -> None:
    """Model calls and tools of one agent in a conversation; each model call's tokens are known."""
    assert played["observable"].result == "Your desk lamp is on its way: Northpost delivers in 2 days."
    run = show("observable", operations=5)
    assert kinds(run) == [
        ("model", "Order desk", "ok"), ("tool", "look_up_order", "ok"), ("model", "Order desk", "ok"),
        ("tool", "estimate_delivery", "ok"), ("model", "Order desk", "ok"),
    ]  # fmt: skip
    assert run["conversation_id"] == "customer-1"
    assert run["tokens"]["unknown_attempts"] == 0 and run["tokens"]["wasted"]["input"] == 0
    assert all(attempt["source"] == "both" for o in run["operations"] for attempt in o["attempts"])


def test_research_runs_its_searchers_in_parallel(played: dict[str, Played], show: Show) -> None:
    """Four agents, a handoff, three branches that overlap in time."""
    assert played["research"].result == "The report: three notes, edited and published."
    run = show("research", operations=12)
    assert run["agents"] == ["Editor", "Planner", "Searcher", "Writer"]
    searches = [o for o in run["operations"] if o["name"] == "search_library"]
    assert len(searches) == 3
    assert max(o["scheduled"] for o in searches) < max(o["closed"] for o in searches)
    assert run["tokens"]["billed"]["reasoning"] > 0  # the planner's model reasons


def test_implicit_activities(played: dict[str, Played], show: Show) -> None:
    """Model calls are activities by themselves; the function tool ran in the workflow and has no attempt."""
    assert played["implicit_activities"].result.splitlines()[-1] == "the kettle does it"
    run = show("implicit_activities", operations=3)
    assert kinds(run) == [("model", "Poet", "ok"), ("tool", "count_lines", "ok"), ("model", "Poet", "ok")]
    assert operation(run, "count_lines")["attempts"] == [] and run["retries"]["attempts"] == 2


def test_max_turns_fails_the_run_after_as_many_model_calls(played: dict[str, Played], show: Show) -> None:
    """The failure carries its own type, and every turn was paid for."""
    error = played["implicit_activities_max_turns"].error
    assert isinstance(error, ApplicationError) and error.type == "MaxTurnsExceeded"
    run = show("implicit_activities_max_turns", operations=8)
    assert run["status"] == "failed" and run["failure"]["type"] == "MaxTurnsExceeded"
    assert [kind for kind, *_ in kinds(run)].count("model") == 4


def test_worker_configuration_shows_the_policy_and_what_happened(played: dict[str, Played], show: Show) -> None:
    """Two failures, then success: the waits between are the policy's, doubled and within 50 ms."""
    assert played["worker_configuration"].result == "På norsk: The sea is calm."
    call = operation(show("worker_configuration", operations=1), "Translator")
    assert statuses(call) == ["error", "error", "ok"]
    policy = MODEL_PARAMETERS.retry_policy
    assert policy is not None and policy.maximum_attempts == call["max_attempts"]
    assert [(a["http_status"], a["retry_by"]) for a in call["attempts"]] == [(500, "policy")] * 2 + [(None, None)]
    first, second = (a["retry_delay_ms"] for a in call["attempts"][:2])
    assert first == pytest.approx(policy.initial_interval.total_seconds() * 1000, abs=50)
    assert second == pytest.approx(policy.backoff_coefficient * first, abs=50)
    # The server's timers are late by up to a second or so on a busy machine, never early.
    assert call["attempts"][1]["backoff_ms"] >= first - 50 and call["attempts"][2]["backoff_ms"] >= second - 50


def test_agent_configuration_has_every_kind_of_tool(played: dict[str, Played], show: Show) -> None:
    """A function tool, an activity, an MCP call and a handoff, each for what it is."""
    assert played["agent_configuration"].result == "Booked: three nights in Bergen, train at 08:10."
    run = show("agent_configuration", operations=12)
    assert operation(run, "nights_between")["kind"] == "tool" and not operation(run, "nights_between")["attempts"]
    assert operation(run, "find_hotel")["kind"] == "tool" and statuses(operation(run, "find_hotel")) == ["ok"]
    call = operation(run, "temporalio.mcp.timetable.call-tool")
    assert (call["kind"], call["agent"]) == ("mcp", "Concierge")
    assert [agent for kind, agent, _ in kinds(run) if kind == "model"] == ["Concierge"] * 4 + ["Booking desk"]


def test_scaling_shows_who_worked_and_where_work_waited(played: dict[str, Played], show: Show, fleet: Fleet) -> None:
    """Each role on its own queue; searchers share one slot, so their model calls wait for each other."""
    assert played["scaling"].result == "Briefing of 3 notes."
    parent = show("scaling", operations=5)
    assert [name for _, name, _ in kinds(parent)] == [
        "PlanBriefing", "SearchArchive", "SearchArchive", "SearchArchive", "WriteBriefing",
    ]  # fmt: skip
    searches = [show("scaling", 3, suffix=f"/search-{number}") for number in range(3)]
    assert {run["task_queue"] for run in searches} == {f"{fleet.task_queue}-searcher"}
    assert {run["parent"]["workflow_id"] for run in searches} == {played["scaling"].workflow_id}
    calls = [run["operations"][0] for run in searches]
    assert max(call["queue_ms"] for call in calls) > 300 > min(call["queue_ms"] for call in calls)
    tools = [attempt for run in searches for attempt in operation(run, "read_archive")["attempts"]]
    assert {attempt["task_queue"] for attempt in tools} == {f"{fleet.task_queue}-tools"}


def test_several_workers_share_a_queue(played: dict[str, Played], show: Show) -> None:
    """Every attempt names its worker, and both processes had their part."""
    sizes = {"observable": 5, "research": 12, "resources_budget": 7, "resources_survey": 19}
    runs = [show(name, size) for name, size in sizes.items()]
    workers = {attempt["worker"] for run in runs for o in run["operations"] for attempt in o["attempts"]}
    assert len(workers) == 2 and None not in workers


def test_retries_of_every_kind(played: dict[str, Played], show: Show) -> None:
    """Backoff, a delay that the service dictates, giving up, no retry at all, a dead worker, Retry-After."""
    assert played["retries"].result == {
        "weigh": "parcel 1 weighs 2 kg", "van": "van 7", "label": "failed: NoPaper", "customs": "failed: Forbidden",
        "scan": "no damage", "announce": "parcel 1 is on its way.",
    }  # fmt: skip
    run = show("retries", operations=6)
    seen = {o["agent"] or o["name"]: [(a["status"], a["retry_by"]) for a in o["attempts"]] for o in run["operations"]}
    assert seen["weigh_parcel"] == [("error", "policy"), ("error", "policy"), ("ok", None)]
    assert seen["reserve_van"] == [("error", "server"), ("ok", None)]
    assert seen["print_label"] == [("error", "policy"), ("error", None)]
    assert seen["clear_customs"] == [("error", None)]
    assert [status for status, _ in seen["scan_parcel"]] == ["timeout", "ok"]
    assert seen["Clerk"] == [("error", "server"), ("ok", None)]
    limited, answered = operation(run, "Clerk")["attempts"]
    assert limited["http_status"] == 429 and answered["backoff_ms"] >= 1950
    weighed = operation(run, "weigh_parcel")["attempts"]
    assert weighed[1]["backoff_ms"] >= 150 and weighed[2]["backoff_ms"] >= 350
    assert run["retries"] == {"operations": 6, "attempts": 12, "retries": 6, "failed_attempts": 8}
    assert run["tokens"]["unknown_attempts"] == 1  # nobody knows what the rate limited call would have cost


def test_failure_isolation_salvages_partial_results(played: dict[str, Played], show: Show) -> None:
    """One analyst fails for good, on its first attempt; the run completes with what the others found."""
    report = played["failure_isolation_panel"].result
    assert isinstance(report, PanelReport)
    assert sorted(report.findings) == ["market", "technology"] and report.missing == ["risk"]
    run = show("failure_isolation_panel", operations=3)
    assert run["status"] == "completed"
    failed = operation(run, "Risk analyst")
    assert statuses(failed) == ["error"] and failed["attempts"][0]["http_status"] == 400


def test_failure_isolation_undoes_completed_steps_in_reverse(played: dict[str, Played], show: Show) -> None:
    """The saga as it happened, in the order of its operations."""
    assert played["failure_isolation_saga"].result[2:4] == ["hotel cancelled", "flight cancelled"]
    run = show("failure_isolation_saga", operations=6)
    assert [(name, status) for _, name, status in kinds(run)] == [
        ("book_flight", "ok"), ("book_hotel", "ok"), ("charge_card", "error"), ("cancel_hotel", "ok"),
        ("cancel_flight", "ok"), ("Apologist", "ok"),
    ]  # fmt: skip


def test_error_recovery_falls_back_to_the_cheaper_model(played: dict[str, Played], show: Show) -> None:
    """Four attempts of the first model, all failed and unknown in cost; one of the second."""
    assert played["error_recovery"].result == Diagnosis("a rattle: probably the belt.", "Generalist")
    run = show("error_recovery", operations=2)
    assert run["status"] == "completed" and run["models"] == ["gpt-5", "gpt-5-mini"]
    assert statuses(operation(run, "Specialist")) == ["error"] * 4
    assert statuses(operation(run, "Generalist")) == ["ok"]
    assert run["tokens"]["unknown_attempts"] == 4


def test_security_filters_output(played: dict[str, Played], show: Show) -> None:
    """The card number leaves the tool, but not the workflow."""
    assert played["security_read"].result == "Result: account 5, paid by card [card ending 4242]"
    assert ("guardrail", "guardrail prompt injection", "ok") in kinds(show("security_read", operations=4))


def test_security_refuses_a_tool_without_permission(played: dict[str, Played], show: Show) -> None:
    """The refusal is an operation of its own; the activity behind the tool never ran."""
    assert played["security_refused"].result == "Result: guest may not use read_account"
    run = show("security_refused", operations=5)
    refusal = operation(run, "guardrail permission for read_account")
    assert (refusal["kind"], refusal["status"], refusal["error_type"]) == ("guardrail", "error", "GuardrailTripped")
    assert operation(run, "read_account")["attempts"] == []


def test_security_guardrail_trips_before_any_token_is_spent(played: dict[str, Played], show: Show) -> None:
    """The run completes with a refusal; there is no model call."""
    assert played["security_guardrail"].result == "Refused: prompt injection."
    run = show("security_guardrail", operations=1)
    assert kinds(run) == [("guardrail", "guardrail prompt injection", "error")]
    assert run["tokens"]["billed"]["input"] == 0 and run["tokens"]["unknown_attempts"] == 0


@pytest.mark.parametrize(
    ("name", "operations", "result"),
    [
        ("security_approved", 8, "Result: account 7 deleted"),
        ("security_rejected", 7, "Result: Tool execution was not approved."),
    ],
)
def test_security_waits_for_a_person(
    played: dict[str, Played], show: Show, name: str, operations: int, result: str
) -> None:
    """The wait is a person's, of the length that it had; only what was approved ran."""
    assert played[name].result == result
    run = show(name, operations=operations)
    wait = next(o for o in run["operations"] if o["kind"] == "human_wait")
    assert wait["name"] == "decide" and run["time_ms"]["external_wait"] >= 1000
    ran = [o for o in run["operations"] if o["name"] == "delete_account" and o["attempts"]]
    assert len(ran) == (name == "security_approved")


def test_performance_asks_each_question_once(played: dict[str, Played], show: Show) -> None:
    """Three reviews, two of them alike: two model calls and one lookup for all products."""
    assert played["performance"].result == ["lamp 1, in stock: good", "lamp 2, in stock: bad", "lamp 1, in stock: good"]
    run = show("performance", operations=3)
    assert kinds(run) == [
        ("activity", "describe_products", "ok"), ("model", "Critic", "ok"), ("model", "Critic", "ok"),
    ]  # fmt: skip


def test_resources_end_an_agent_that_exceeds_its_budget(played: dict[str, Played], show: Show) -> None:
    """The run fails right after the call that went over, and the ledger has that call."""
    error = played["resources_budget"].error
    assert isinstance(error, ApplicationError) and error.type == "TokenBudgetExceeded"
    run = show("resources_budget", operations=7)
    billed = run["tokens"]["billed"]
    assert run["status"] == "failed" and f"{billed['input'] + billed['output']} tokens used" in str(error)


def test_resources_keep_the_input_short(played: dict[str, Played], show: Show) -> None:
    """Ten model calls; once the conversation is cut, input stops growing."""
    assert played["resources_survey"].result == "9 rooms measured, all quiet."
    run = show("resources_survey", operations=19)
    sizes = [o["attempts"][0]["tokens"]["input"] for o in run["operations"] if o["kind"] == "model"]
    assert sizes[1] > sizes[0] and max(sizes[4:]) - min(sizes[4:]) <= 4


def test_resources_clean_up_after_a_cancellation(played: dict[str, Played], show: Show) -> None:
    """The long job is cancelled, the clean-up is not."""
    assert isinstance(played["resources_cancelled"].error, CancelledError)
    run = show("resources_cancelled", operations=2)
    assert run["status"] == "cancelled"
    assert kinds(run) == [("activity", "train_model", "cancelled"), ("activity", "remove_checkpoints", "ok")]


def test_conversation_goes_on_in_a_new_run(played: dict[str, Played], fleet: Fleet) -> None:
    """State survives continue-as-new; both runs know each other and share the conversation."""
    outcome = played["conversation"].result
    assert outcome["turns"] == 4 and outcome["facts"] == {"name": "Ada"}
    # How many turns the first run still takes is a matter of milliseconds: what counts is that none is lost between.
    second = fleet.observed(played["conversation"].workflow_id, lambda run: run["closed"] is not None)
    first = fleet.observed(
        played["conversation"].workflow_id, lambda run: run["next_run_id"] is not None, played["conversation"].run_id
    )
    assert first["status"] == "continued_as_new" and first["next_run_id"] == second["run_id"]
    assert second["previous_run_id"] == first["run_id"] == second["first_run_id"]
    assert first["conversation_id"] == second["conversation_id"] == played["conversation"].workflow_id
    updates = [o["name"] for run in (first, second) for o in run["operations"] if o["kind"] == "update"]
    assert updates == ["say", "set_tone", "say", "say", "say"]
    assert [o["name"] for o in second["operations"] if o["kind"] == "signal"] == ["close"]


def test_conversation_ends_by_its_timer(played: dict[str, Played], show: Show) -> None:
    """Silence is one timer."""
    assert played["conversation_silence"].result == 0
    assert kinds(show("conversation_silence", operations=1)) == [("timer", "timer", "ok")]


def test_child_workflows_isolate_a_failure(played: dict[str, Played], show: Show) -> None:
    """The parent shows each child; the failed one is a line of its result."""
    assert played["child_workflows"].result == [
        "Ships, in short.", "failed: EmptyDocument: the document has no title", "Harbours, in short.",
    ]  # fmt: skip
    parent = show("child_workflows", operations=3)
    assert [(kind, status) for kind, _, status in kinds(parent)] == [
        ("child", "ok"), ("child", "error"), ("child", "ok"),
    ]  # fmt: skip
    child = show("child_workflows", 1, suffix="/0")
    assert child["parent"]["run_id"] == parent["run_id"] and child["trace_id"] == parent["trace_id"]


def test_a_scheduled_run_is_a_run(played: dict[str, Played], show: Show) -> None:
    """Started by the server, observed like any other."""
    assert played["child_workflows_scheduled"].result == "The daily log, in short."
    assert kinds(show("child_workflows_scheduled", operations=1)) == [("model", "Archivist", "ok")]


def test_the_ledger_equals_the_model_servers_log(played: dict[str, Played], show: Show, fleet: Fleet) -> None:
    """Tokens of the runs that this file's scenarios name, against what the server says it sent, call by call."""
    sent = {record.response_id: record.usage for record in fleet.models.log if record.usage is not None}
    runs = [show("observable", 5), show("research", 12), show("agent_configuration", 12), show("resources_survey", 19)]
    attempts = [a for run in runs for o in run["operations"] if o["kind"] == "model" for a in o["attempts"]]
    for attempt in attempts:
        usage = sent[attempt["response_id"]]
        tokens = attempt["tokens"]
        assert (usage.input, usage.cached_input, usage.output, usage.reasoning, usage.cache_write) == tuple(
            tokens.get(kind, 0) for kind in ("input", "cached_input", "output", "reasoning", "cache_write")
        )
    assert len({attempt["response_id"] for attempt in attempts}) == len(attempts) == 27

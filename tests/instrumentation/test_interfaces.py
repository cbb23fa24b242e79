"""Drift guards: an interface that we wrap and that grows a method makes a test fail here, so that somebody decides.

PASSED are methods that we let through knowingly. Older versions may lack some of them; none may have others.
"""

import dataclasses
import inspect
import re
from typing import Any

import agents.tracing.span_data as span_data
import pytest
from agents import SpanData, TracingProcessor, set_trace_processors
from agents.tracing import get_trace_provider
from openai._base_client import AsyncAPIClient, SyncAPIClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from temporalio import activity, client, worker, workflow
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.contrib.opentelemetry import create_tracer_provider
from temporalio.openai_agents import _invoke_model_activity, _mcp, _trace_interceptor
from temporalio.worker import _workflow_instance

from durascope import _activity, _attributes, _client, _interceptor, _nexus, _outbound, _workflow, plugin
from durascope._activity_types import MODEL_ACTIVITIES, is_mcp
from durascope._agents_spans import REPLACED
from durascope._attributes import describe
from durascope._registry import processor, registered
from durascope.conventions import HEADER_AGENTS, KIND, MCP_ACTIVITIES, SPAN_CUSTOM

CLIENT_PASSED = (
    "cancel_workflow describe_workflow fetch_workflow_history_events list_workflows count_workflows "
    "terminate_workflow start_activity cancel_activity terminate_activity pause_activity unpause_activity "
    "reset_activity describe_activity update_activity_options list_activities count_activities "
    "heartbeat_async_activity complete_async_activity fail_async_activity report_cancellation_async_activity "
    "create_schedule list_schedules backfill_schedule delete_schedule describe_schedule pause_schedule "
    "trigger_schedule unpause_schedule update_schedule update_worker_build_id_compatibility "
    "get_worker_build_id_compatibility get_worker_task_reachability start_nexus_operation describe_nexus_operation "
    "get_nexus_operation_result cancel_nexus_operation terminate_nexus_operation list_nexus_operations "
    "count_nexus_operations "
)
# A run started by signal-with-start from a workflow has a trace of its own.
OUTBOUND_PASSED = "info start_system_nexus_operation start_signal_with_start_workflow"
WRAPPED: list[tuple[type, type, str]] = [
    (client.Interceptor, _client.ClientInterceptor, ""),
    (client.OutboundInterceptor, _client.ClientOutbound, CLIENT_PASSED),
    (worker.Interceptor, _interceptor.DurascopeInterceptor, ""),
    (worker.ActivityInboundInterceptor, _activity.ActivityInbound, "init"),
    (worker.WorkflowInboundInterceptor, _workflow.WorkflowInbound, "handle_update_validator"),
    (worker.WorkflowOutboundInterceptor, _outbound.WorkflowOutbound, OUTBOUND_PASSED),
    (worker.NexusOperationInboundInterceptor, _nexus.NexusInbound, "execute_nexus_operation_cancel"),
    (client.Plugin, plugin.DurascopePlugin, ""),
    (worker.Plugin, plugin.DurascopePlugin, ""),
    (TracingProcessor, type(processor), ""),
]


def methods(of: type) -> set[str]:
    """Public ones, inherited or not."""
    return {name for name, _ in inspect.getmembers(of, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.parametrize(("theirs", "ours", "passed"), WRAPPED, ids=lambda each: getattr(each, "__name__", ""))
def test_a_wrapped_interface_has_no_method_that_nobody_decided_about(theirs: type, ours: type, passed: str) -> None:
    """Each is overridden, or passed knowingly."""
    overridden = {name for name in methods(theirs) if getattr(ours, name) is not getattr(theirs, name)}
    assert methods(theirs) - overridden == methods(theirs) & set(passed.split())


def test_every_kind_of_agents_span_is_described() -> None:
    """A kind that the SDK adds is a custom span until somebody says what it is."""
    kinds = {
        str(inspect.getattr_static(each, "type").fget(object.__new__(each)))
        for _, each in inspect.getmembers(span_data, inspect.isclass)
        if issubclass(each, SpanData) and each is not SpanData
    }
    undescribed = {"custom", "transcription", "speech", "speech_group"}
    assert kinds == set(_attributes._DESCRIBE) | undescribed
    assert describe(span_data.CustomSpanData("mine", {})).attributes[KIND] == SPAN_CUSTOM


def test_private_things_that_we_read_are_still_there() -> None:
    """Each named where it is read; without them we would fail quietly."""
    assert callable(workflow._Runtime.maybe_current)
    assert "_deleting" in inspect.getsource(_workflow_instance)
    assert "self._instance = instance" in inspect.getsource(_workflow_instance._WorkflowInboundImpl)
    (_, activation), said = inspect.signature(worker.WorkflowInstance.activate).parameters, ("successful", "failed")
    assert activation and set(said) == {each.name for each in WorkflowActivationCompletion.DESCRIPTOR.oneofs[0].fields}
    assert issubclass(activity._CompleteAsyncError, BaseException)
    assert "_seq" in inspect.getsource(_workflow_instance._ActivityHandle)
    scheduling = inspect.getsource(_workflow_instance._ActivityHandle._apply_schedule_command)
    assert "self._input.headers, v.headers" in scheduling
    assert "_task" in inspect.getsource(_workflow_instance._NexusOperationHandle)
    assert hasattr(TracerProvider(shutdown_on_exit=False), "_active_span_processor")
    assert isinstance(getattr(create_tracer_provider(), "_tracer_provider", None), TracerProvider)
    for each in (AsyncAPIClient, SyncAPIClient):
        assert callable(each._sleep_for_retry)
    assert _trace_interceptor.HEADER_KEY == HEADER_AGENTS
    assert REPLACED + "executeActivity" in inspect.getsource(_trace_interceptor)


def test_the_processors_of_the_agents_sdk_can_be_seen() -> None:
    """Registration is checked against what the provider really calls."""
    set_trace_processors([processor])
    assert registered(get_trace_provider()) == (processor,)
    set_trace_processors([])
    assert registered(get_trace_provider()) == ()


def test_model_activities_have_the_names_we_know() -> None:
    """Their attempts are the leaf model calls that tokens are counted on."""
    found: dict[str, Any] = dict(inspect.getmembers(_invoke_model_activity.ModelActivity, inspect.isfunction))
    assert {name for name in found if name.startswith("invoke_")} == MODEL_ACTIVITIES


def test_requests_to_mcp_servers_have_the_names_we_know() -> None:
    """All of the integration's, and no other activity that only sounds like one."""
    source = inspect.getsource(_mcp)
    kinds, calls = (
        set(re.findall(pattern, source)) for pattern in (r' \+ "(-state\w+)"', r'self\.name \+ "(-[\w-]+)"')
    )
    assert kinds == {"-stateless", "-stateful"} and len(calls) == 7
    assert all(is_mcp(f"files{kind}{call}") for kind in kinds for call in calls - {"-server-session"})
    assert is_mcp("files-stateful-server-session") and is_mcp(f"{MCP_ACTIVITIES}files.call-tool")
    assert not any(map(is_mcp, ("stripe-connect", "crm-call-tool", "list-tools", "files-stateless-delete")))


def test_the_reasons_of_a_cancellation_are_told_apart() -> None:
    """A new one would be a plain "cancelled" until somebody names it."""
    reasons = {each.name for each in dataclasses.fields(activity.ActivityCancellationDetails)}
    assert reasons - {"reset", "paused"} == {"not_found", "cancel_requested", "timed_out", "worker_shutdown"}


def test_a_finished_span_can_be_built() -> None:
    """We build the SDK's own class rather than start and end spans, whose ids would not be ours."""
    wanted = {
        "name",
        "context",
        "parent",
        "resource",
        "attributes",
        "links",
        "kind",
        "status",
        "start_time",
        "end_time",
    }
    assert wanted | {"instrumentation_scope"} <= set(inspect.signature(ReadableSpan.__init__).parameters)

"""A run's own facts, from its start, its workflow tasks and its closing event."""

from dataclasses import dataclass, field
from typing import Any

from temporalio.api.history.v1 import (
    WorkflowExecutionStartedEventAttributes,
    WorkflowTaskCompletedEventAttributes,
)

from durascope import identity
from durascope._headers import origin
from durascope._history_failures import read_failure
from durascope._history_payloads import Decode, json_object
from durascope.conventions import HEADER_DURASCOPE, HEADER_TRACER
from durascope.identity import RunKey
from durascope.records import Micros, RunFacts, RunStatus

_SDK_WITH_AGENT_SUMMARIES = (1, 33)  # what temporalio-openai-agents 1.1 needs; before it a summary was the user's input


@dataclass(slots=True)
class Run:
    """Folded from events; ``facts`` says what is known so far."""

    key: RunKey
    decode: Decode | None = None
    started: Micros | None = None
    closed: Micros | None = None
    status: RunStatus = RunStatus.RUNNING
    agent_summaries: bool = False
    fields: dict[str, Any] = field(default_factory=dict)

    def start(self, at: Micros, attrs: WorkflowExecutionStartedEventAttributes) -> None:
        """WorkflowExecutionStarted."""
        self.started = at
        headers = (attrs.header.fields.get(name) for name in (HEADER_DURASCOPE, HEADER_TRACER))
        context = origin(*(json_object(header, self.decode) for header in headers))
        # A continued run keeps the first one's header but starts a trace of its own.
        if context is not None and not attrs.continued_execution_run_id:
            self.fields["trace_id"] = identity.format_trace_id(context.trace_id)
            self.fields["parent_span_id"] = identity.format_span_id(context.span_id)
        parent = attrs.parent_workflow_execution
        self.fields |= {
            "workflow_type": attrs.workflow_type.name,
            "task_queue": attrs.task_queue.name,
            "first_run_id": attrs.first_execution_run_id or self.key.run_id,
            "previous_run_id": attrs.continued_execution_run_id or None,
            "parent_workflow_id": parent.workflow_id or None,
            "parent_run_id": parent.run_id or None,
        }

    def task_completed(self, attrs: WorkflowTaskCompletedEventAttributes) -> None:
        """WorkflowTaskCompleted: which build and which SDK runs the workflow."""
        build = (
            attrs.deployment_version.build_id
            or attrs.worker_deployment_version.rpartition(".")[2]
            or attrs.worker_version.build_id
            or attrs.binary_checksum
        )
        if build:
            self.fields["build_id"] = build
        if attrs.sdk_metadata.sdk_name == "temporal-python":
            version = attrs.sdk_metadata.sdk_version.split(".")[:2]
            self.agent_summaries = all(map(str.isdigit, version)) and (
                tuple(map(int, version)) >= _SDK_WITH_AGENT_SUMMARIES
            )

    def reset_from(self, base_run_id: str) -> None:
        """A reset copies the events up to a workflow task of another run."""
        self.fields["previous_run_id"] = base_run_id or self.fields.get("previous_run_id")

    def close(self, at: Micros, attrs: Any, status: RunStatus) -> None:
        """The closing event, whichever."""
        self.closed, self.status = at, status
        self.fields["next_run_id"] = getattr(attrs, "new_execution_run_id", "") or None
        if status is RunStatus.FAILED:
            cause = read_failure(attrs.failure, self.decode)
            self.fields |= {"failure_type": cause.type, "failure_message": cause.message}
        elif status is RunStatus.TERMINATED:
            self.fields |= {"failure_type": "Terminated", "failure_message": attrs.reason or None}
        elif status is RunStatus.TIMED_OUT:
            self.fields |= {"failure_type": "WorkflowTimeout", "failure_message": None}

    def facts(self, *, events: int, size: int, last_event_id: int, conversation_id: str | None) -> RunFacts:
        """What is known so far. Needs the start event."""
        assert self.started is not None
        fallback = {"trace_id": identity.format_trace_id(identity.trace_id(self.key))}
        return RunFacts(
            *self.key,
            status=self.status,
            started=self.started,
            closed=self.closed,
            history_events=events,
            history_bytes=size,
            last_event_id=last_event_id,
            conversation_id=conversation_id,
            **(fallback | self.fields),
        )

"""What a run got by a reset: a copy of another run's events, whose work was done, and is paid for, over there.

An inherited operation stays on the timeline and says where it comes from; its attempts are the other run's alone.
"""

from collections.abc import Mapping
from dataclasses import replace

from temporalio.api.failure.v1 import Failure

from durascope.records import Kind, OperationFacts


def note(base_run_id: str) -> str:
    """What an inherited operation says of itself."""
    return f"inherited from run {base_run_id}"


def cut_off(failure: Failure | None) -> bool:
    """Whether a reset closed an activity: it had begun in the other run, and its end came after the reset's point."""
    return failure is not None and failure.WhichOneof("failure_info") == "reset_workflow_failure_info"


def noted(operations: Mapping[int, OperationFacts], base_run_id: str) -> dict[int, OperationFacts]:
    """The same operations; those closed by now say that they are inherited. A child's detail stays its workflow id."""
    text = note(base_run_id)

    def marked(operation: OperationFacts) -> OperationFacts:
        before = operation.detail or ""
        if operation.closed is None or operation.kind is Kind.CHILD or "inherited from run" in before:
            return operation
        return replace(operation, detail=text if before in ("", operation.name) else f"{before}, {text}")

    return {event_id: marked(operation) for event_id, operation in operations.items()}

"""Every sample: its workflows and its activities. What the models say in them is in scripts.py."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from sample_workflows.agent_configuration import tools as agent_configuration_tools
from sample_workflows.agent_configuration.workflow import TripWorkflow
from sample_workflows.child_workflows.workflow import BatchWorkflow, DocumentWorkflow
from sample_workflows.conversation.workflow import ConversationWorkflow
from sample_workflows.error_recovery.workflow import DiagnosisWorkflow
from sample_workflows.failure_isolation import booking
from sample_workflows.failure_isolation.booking import BookingWorkflow
from sample_workflows.failure_isolation.panel import PanelWorkflow
from sample_workflows.implicit_activities.workflow import PoemWorkflow
from sample_workflows.observable import tools as observable_tools
from sample_workflows.observable.workflow import ObservableWorkflow
from sample_workflows.performance.tools import Shop
from sample_workflows.performance.workflow import ReviewsWorkflow
from sample_workflows.research.library import Library
from sample_workflows.research.workflow import ResearchWorkflow
from sample_workflows.resources import tools as resources_tools
from sample_workflows.resources.workflow import SurveyWorkflow, TrainingWorkflow
from sample_workflows.retries import tools as retries_tools
from sample_workflows.retries.workflow import ParcelWorkflow
from sample_workflows.scaling.workflow import BriefingWorkflow
from sample_workflows.security import tools as security_tools
from sample_workflows.security.workflow import AccountWorkflow
from sample_workflows.worker_configuration.workflow import TranslateWorkflow

# What a general worker runs. The scaling sample's roles have workers of their own (scaling/roles.py).
WORKFLOWS: Sequence[type] = (
    ObservableWorkflow,
    ResearchWorkflow,
    PoemWorkflow,
    TranslateWorkflow,
    TripWorkflow,
    BriefingWorkflow,
    ParcelWorkflow,
    PanelWorkflow,
    BookingWorkflow,
    DiagnosisWorkflow,
    AccountWorkflow,
    ReviewsWorkflow,
    SurveyWorkflow,
    TrainingWorkflow,
    ConversationWorkflow,
    DocumentWorkflow,
    BatchWorkflow,
)


def activities(flaky: float = 0.0) -> list[Callable[..., Any]]:
    """All tool activities of a general worker; ``flaky`` is the share of library searches that fail at first."""
    return [
        *observable_tools.TOOLS,
        *agent_configuration_tools.TOOLS,
        *retries_tools.TOOLS,
        *booking.TOOLS,
        *security_tools.TOOLS,
        *resources_tools.TOOLS,
        Library(fail_first=outages(flaky), seconds=0.05).search_library,
        Shop().describe_products,
    ]


def outages(share: float) -> Callable[[str, str], int]:
    """How often a search fails: 0 mostly, else 1 to 3 times, always the same for the same workflow and query."""

    def fail_first(workflow_id: str, query: str) -> int:
        dice = hashlib.blake2b(f"{workflow_id} {query}".encode(), digest_size=4).digest()
        return 1 + dice[2] % 3 if int.from_bytes(dice[:2], "big") / 65536 < share else 0

    return fail_first

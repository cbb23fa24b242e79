"""What the models say in every sample, for the scripted server. Imports no workflow, so the server starts quickly."""

from collections.abc import Sequence

from sample_workflows.agent_configuration import script as agent_configuration
from sample_workflows.child_workflows import script as child_workflows
from sample_workflows.conversation import script as conversation
from sample_workflows.error_recovery import script as error_recovery
from sample_workflows.failure_isolation import script as failure_isolation
from sample_workflows.implicit_activities import script as implicit_activities
from sample_workflows.model_server import OVERLOADED, RATE_LIMITED, SERVER_ERROR, Rule
from sample_workflows.observable import script as observable
from sample_workflows.performance import script as performance
from sample_workflows.research import script as research
from sample_workflows.resources import script as resources
from sample_workflows.retries import script as retries
from sample_workflows.scaling import script as scaling
from sample_workflows.security import script as security
from sample_workflows.worker_configuration import script as worker_configuration

# Each script matches only its own agents' instructions, so their order among each other does not matter.
RULES: Sequence[Rule] = (
    *observable.RULES,
    *research.RULES,
    *implicit_activities.RULES,
    *worker_configuration.RULES,
    *agent_configuration.RULES,
    *scaling.RULES,
    *retries.RULES,
    *failure_isolation.RULES,
    *error_recovery.RULES,
    *security.RULES,
    *performance.RULES,
    *resources.RULES,
    *conversation.RULES,
    *child_workflows.RULES,
)

# What makes the demo look like a working day: some calls are rate limited, some fail, their retries get through.
FAULTS: Sequence[Rule] = (
    Rule("fault: rate limited", RATE_LIMITED, chance=0.05, first=2),
    Rule("fault: server error", SERVER_ERROR, chance=0.03, first=2),
    Rule("fault: overloaded", OVERLOADED, chance=0.02, first=2),
)

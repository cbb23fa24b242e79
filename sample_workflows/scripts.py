"""Every sample's script in one list, for the demo's model server. A sample's rules match only its own instructions."""

from sample_workflows.model_server import OVERLOADED, RATE_LIMITED, SERVER_ERROR, Rule
from sample_workflows.observable.script import RULES as OBSERVABLE
from sample_workflows.research.script import RULES as RESEARCH

ALL_RULES: list[Rule] = [*OBSERVABLE, *RESEARCH]

# What makes the demo look like a working day: some calls are rate limited, some fail, their retries get through.
FAULTS: list[Rule] = [
    Rule("fault: rate limited", RATE_LIMITED, chance=0.06, first=2),
    Rule("fault: server error", SERVER_ERROR, chance=0.03, first=3),
    Rule("fault: overloaded", OVERLOADED, chance=0.02, first=3),
]

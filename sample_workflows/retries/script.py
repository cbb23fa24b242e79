"""The clerk's provider asks for two seconds of patience, once for each parcel."""

from sample_workflows.model_server import Fault, Rule, Text

CLERK = "You announce parcels"

RULES = [
    Rule(
        "clerk: rate limited",
        Fault(429, retry_after=2.0, code="rate_limit_exceeded", message="Rate limit reached."),
        instructions=CLERK,
        first=1,
    ),
    Rule("clerk", lambda request: Text(f"{request.user} is on its way."), instructions=CLERK),
]

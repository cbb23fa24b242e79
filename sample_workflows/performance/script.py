"""The critic likes what is called fine."""

from sample_workflows.model_server import Rule, Text

RULES = [
    Rule(
        "critic", lambda request: Text("good" if "fine" in request.user else "bad"), instructions="You classify reviews"
    ),
]

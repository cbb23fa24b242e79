"""The archivist needs one line for anything."""

from sample_workflows.model_server import Rule, Text

RULES = [Rule("archivist", lambda request: Text(f"{request.user}, in short."), instructions="You sum up documents")]

"""The activity types of the Agents integration: model calls, and requests to MCP servers. Pure."""

import re

from durascope.conventions import MCP_ACTIVITIES

MODEL_ACTIVITIES = frozenset({"invoke_model_activity", "invoke_model_activity_streaming"})
# "<server>-stateless-call-tool" for servers that are given one by one; those that are given by name have a prefix.
_MCP = re.compile(
    rf"{re.escape(MCP_ACTIVITIES)}.+"
    r"|.+-state(less|ful)-(list-tools|call-tool|list-prompts|get-prompt)(-v2)?"
    r"|.+-stateful-server-session",
    re.DOTALL,
)


def is_mcp(activity_type: str) -> bool:
    """Whether it is a request to an MCP server, or the session with one."""
    return _MCP.fullmatch(activity_type) is not None

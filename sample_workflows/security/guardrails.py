"""Checks before the model, before a tool and after the model. All are pure, so they run in the workflow."""

import re

from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunContextWrapper,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrailData,
    TResponseInputItem,
    guardrail_span,
    input_guardrail,
    tool_input_guardrail,
)

from sample_workflows.security.caller import Caller

CARD_NUMBER = re.compile(r"\b(?:\d[ -]?){12,15}(\d{4})\b")


@input_guardrail(name="prompt injection", run_in_parallel=False)
async def no_injection(
    context: RunContextWrapper[Caller], agent: Agent[Caller], given: str | list[TResponseInputItem]
) -> GuardrailFunctionOutput:
    """Trips on the oldest trick. Runs before the first model call, so a tripped run costs no tokens."""
    suspicious = "ignore previous instructions" in str(given).lower()
    return GuardrailFunctionOutput({"suspicious": suspicious}, tripwire_triggered=suspicious)


@tool_input_guardrail(name="permission")
async def require_permission(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
    """Refuses a tool that the caller has no permission for. The model is told so; the refusal stands in the trace."""
    caller = data.context.context
    assert isinstance(caller, Caller)
    tool = data.context.tool_name
    if tool in caller.permissions:
        return ToolGuardrailFunctionOutput.allow()
    with guardrail_span(f"permission for {tool}", triggered=True):  # the SDK traces agents' guardrails, not tools'
        return ToolGuardrailFunctionOutput.reject_content(f"{caller.name} may not use {tool}", {"refused": tool})


def redact(text: str) -> str:
    """The text with all but the last four digits of card numbers hidden."""
    return CARD_NUMBER.sub(r"[card ending \1]", text)

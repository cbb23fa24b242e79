"""Keeps the model's input short: the first message and the newest ones, never half of a tool call."""

from agents import TResponseInputItem
from agents.run_config import CallModelData, ModelInputData

KEEP = 6


def truncate(data: CallModelData[None]) -> ModelInputData:
    """For ``RunConfig.call_model_input_filter``; pure, because it runs in the workflow."""
    return ModelInputData(input=shorten(data.model_data.input), instructions=data.model_data.instructions)


def shorten(items: list[TResponseInputItem]) -> list[TResponseInputItem]:
    """The first item and the last KEEP; outputs whose call was cut off go with it (the API refuses orphans)."""
    if len(items) <= KEEP + 1:
        return items
    kept = items[-KEEP:]
    calls = {item.get("call_id") for item in kept if item.get("type") == "function_call"}
    whole = [item for item in kept if item.get("type") != "function_call_output" or item.get("call_id") in calls]
    return [items[0], *whole]

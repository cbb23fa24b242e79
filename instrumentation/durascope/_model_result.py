"""What the result of a model activity says: usage, response id, model. A stream ends with an event that holds them."""

from typing import Any

from durascope._run import AttemptState
from durascope._safely import safely
from durascope._tokens import tokens_of


@safely
def learn_from_result(attempt: AttemptState, result: Any) -> None:
    """Take what the result says; usage in it is the truth about the attempt, whatever spans said before."""
    response = _final(result)
    usage = tokens_of(getattr(response, "usage", None))
    attempt.calls = [usage] if usage is not None else attempt.calls
    found = getattr(response, "response_id", None) or getattr(response, "id", None)
    attempt.response_id = found or attempt.response_id
    attempt.response_model = getattr(response, "model", None) or attempt.response_model


def _final(result: Any) -> Any:
    if not isinstance(result, list):
        return result
    return next((event.response for event in reversed(result) if getattr(event, "response", None) is not None), None)

"""What a model call cost, in USD: by the user's own prices, else by the tables of `genai-prices` (no network)."""

from datetime import UTC, datetime
from functools import lru_cache

from genai_prices import Usage, calc_price

from durascope_dashboard.analysis.own_prices import own_price


@lru_cache(maxsize=65536)
def price(
    model: str, day: int, input_: int, cached: int, output: int, cache_write: int
) -> float | None:  # one price a day: prices change by date
    """USD, or None where the model has no price. ``day``: days since the epoch, when the call was made."""
    own = own_price(model)
    if own is not None:
        return own.of(input_, cached, output, cache_write)
    usage = Usage(
        input_tokens=input_, cache_read_tokens=min(cached, input_), output_tokens=output,
        cache_write_tokens=min(cache_write, max(input_ - cached, 0)),
    )  # fmt: skip
    when = datetime.fromtimestamp(day * 86400, UTC)
    for name in (model, model.rpartition("/")[2]):  # "openai/gpt-5" as LiteLLM writes it
        try:
            return float(calc_price(usage, name, genai_request_timestamp=when).total_price)
        except LookupError:
            continue
    return None

"""Prices of the user's own: a TOML file that DURASCOPE_PRICES names, asked before the tables of `genai-prices`.

["house-llm-70b"]           # USD for a million tokens; a name may be a pattern: "house-*"
input = 0.60
cached_input = 0.06         # default: as input
cache_write = 0.75          # default: as input
output = 2.40
"""

import fnmatch
import logging
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from durascope_dashboard.exceptions import UsageError

VARIABLE = "DURASCOPE_PRICES"
_MILLION = 1_000_000
_KEYS = ("input", "cached_input", "cache_write", "output")

log = logging.getLogger("durascope.prices")


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """USD for a million tokens of each kind."""

    input: float
    output: float
    cached_input: float
    cache_write: float

    def of(self, input_: int, cached: int, output: int, cache_write: int) -> float:
        """USD. ``cached`` and ``cache_write`` are part of ``input_``."""
        fresh = max(input_ - cached - cache_write, 0)
        parts = (fresh * self.input, cached * self.cached_input, cache_write * self.cache_write, output * self.output)
        return sum(parts) / _MILLION


def read_prices(path: Path) -> dict[str, OwnPrice]:
    """Model name or pattern -> price. Raises UsageError that names the file and what is wrong in it."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the prices in {path} cannot be read ({error}); mend the file or unset {VARIABLE}") from error
    return {name: _price(path, name, row) for name, row in found.items()}


def _price(path: Path, name: str, row: Any) -> OwnPrice:
    wrong = not isinstance(row, Mapping) or not {"input", "output"} <= row.keys() <= set(_KEYS)
    if wrong or not all(isinstance(v, int | float) and not isinstance(v, bool) and v >= 0 for v in row.values()):
        raise UsageError(
            f"the price of {name!r} in {path} is not one; write input and output (and cached_input, cache_write) "
            "as USD for a million tokens"
        )
    price = float(row["input"])
    return OwnPrice(
        price, float(row["output"]), float(row.get("cached_input", price)), float(row.get("cache_write", price))
    )


@lru_cache(maxsize=8)
def _table(path: str) -> dict[str, OwnPrice]:
    try:
        return read_prices(Path(path))
    except UsageError as error:  # joins go on with the tables that ship; `durascope doctor` says it too
        log.error("%s", error)
        return {}


def own_price(model: str) -> OwnPrice | None:
    """The price of the user's own for a model: its exact name first, then the first pattern that fits."""
    path = os.environ.get(VARIABLE)
    table = _table(path) if path else {}
    if model in table:
        return table[model]
    return next((price for name, price in table.items() if fnmatch.fnmatchcase(model, name)), None)

"""The token ledger: billed, useful, wasted, unknown; and what it cost.

Only attempts of model operations count (leaf calls: the SDK's task and turn spans carry sums of them).

    billed   tokens of every attempt whose usage is known
    useful   tokens of each operation's successful attempt           wasted = billed - useful
    unknown  model attempts that began and are over, whose usage nobody saw: a count of attempts, never 0 tokens

A cost is null where nothing could be priced although there was something to price.
"""

import numpy as np
import pandas as pd

from durascope_dashboard.analysis.keys import Floats, among, floats, present, texts
from durascope_dashboard.analysis.prices import price
from durascope_dashboard.store.schema import TOKEN_KINDS

_DAY = 86_400_000_000


def settle_attempts(attempts: pd.DataFrame) -> None:
    """Add ``useful``, ``cost`` and ``unknown`` (a mask) to attempts that carry ``kind``, ``status``, ``is_last``."""
    model = among(attempts["kind"], "model")
    attempts["useful"] = among(attempts["status"], "ok") & attempts["is_last"].to_numpy()
    for kind in TOKEN_KINDS:
        attempts[f"tokens_{kind}"] = attempts[f"tokens_{kind}"].where(model)
    known = present(attempts["tokens_input"]) | present(attempts["tokens_output"])
    over = ~among(attempts["status"], "running", "pending")
    begun = present(attempts["started"]) | attempts["estimated"].to_numpy(dtype=bool)
    attempts["unknown"] = model & ~known & over & begun
    attempts["cost"] = _costs(attempts, model & known)
    attempts["unpriced"] = model & known & np.isnan(attempts["cost"].to_numpy())


def _costs(attempts: pd.DataFrame, counted: np.ndarray) -> Floats:
    cost = np.full(len(attempts), np.nan)
    rows = attempts[counted]
    columns = [np.nan_to_num(floats(rows[f"tokens_{k}"])).astype(int) for k in ("input", "cached_input", "output")]
    written = np.nan_to_num(floats(rows["tokens_cache_write"])).astype(int)
    days = (np.nan_to_num(floats(rows["started"])) // _DAY).astype(int)
    models = texts(rows["model"])
    found = [
        price(model, day, *tokens) if model else None
        for model, day, *tokens in zip(models, days, *columns, written, strict=True)
    ]
    cost[counted] = np.array([np.nan if value is None else value for value in found], dtype=float)
    return cost


def roll_up(attempts: pd.DataFrame, group: np.ndarray, groups: int) -> pd.DataFrame:
    """Sums by group (an operation or a run): the ledger's columns, one row a group."""
    useful = attempts["useful"].to_numpy(dtype=bool)
    result = {}
    for kind in TOKEN_KINDS:
        tokens = np.nan_to_num(floats(attempts[f"tokens_{kind}"]))
        billed = np.bincount(group, tokens, groups)
        useful_tokens = np.bincount(group, np.where(useful, tokens, 0), groups)
        result[f"billed_{kind}"], result[f"useful_{kind}"] = billed, useful_tokens
        result[f"wasted_{kind}"] = billed - useful_tokens
    unknown, unpriced = (np.bincount(group, attempts[c].to_numpy(dtype=float), groups) for c in ("unknown", "unpriced"))
    cost = attempts["cost"].to_numpy(dtype=float)
    priced = np.bincount(group, ~np.isnan(cost), groups)
    blank = (priced == 0) & ((unknown > 0) | (unpriced > 0))
    billed_cost = np.bincount(group, np.nan_to_num(cost), groups)
    useful_cost = np.bincount(group, np.where(useful, np.nan_to_num(cost), 0), groups)
    result["unknown_attempts"] = unknown
    for name, value in (("billed", billed_cost), ("useful", useful_cost), ("wasted", billed_cost - useful_cost)):
        result[f"cost_{name}"] = np.where(blank, np.nan, value)
    return pd.DataFrame(result)

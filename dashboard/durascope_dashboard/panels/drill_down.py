"""What the bad attempts have in common: each attribute's values among a selection, against all the others. Pure."""

from typing import Final

import pandas as pd

NAMES: Final = {
    "workflow_type": "workflow type", "name": "activity", "task_queue": "task queue", "build_id": "build",
}  # fmt: skip
"""Attributes in the words of the pages; the others are their own."""
LEAST_SELECTED: Final = 3
NOT_KNOWN: Final = "(none)"
"""The query's word for an attribute that an attempt lacks: nothing that attempts can have in common."""


def compared(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``shared_values`` with shares; what sets the selection apart most comes first.

    ``selected_share``: of the selection, how many have this value; ``rest_share`` the same of the rest; ``rate``: of
    those with the value, how many are in the selection; ``difference`` the shares' distance. Values seldom in the
    selection and attributes with one value only (they tell nothing) are left out.
    """
    found = frame.astype({"selected": "float64", "rest": "float64"})
    by = found.groupby("attribute")
    found["selected_share"] = found["selected"] / by["selected"].transform("sum")
    found["rest_share"] = (found["rest"] / by["rest"].transform("sum")).fillna(0.0)
    found["rate"] = found["selected"] / (found["selected"] + found["rest"])
    found["difference"] = found["selected_share"] - found["rest_share"]
    telling = (found["selected"] >= LEAST_SELECTED) & (by["value"].transform("size") > 1) & (found["difference"] > 0)
    telling &= found["value"] != NOT_KNOWN
    order = found[telling].sort_values(["difference", "selected"], ascending=False, kind="stable")
    return order.reset_index(drop=True)


def sentence(frame: pd.DataFrame, what: str) -> str:
    """The strongest difference in words; "" if nothing sets the selection apart."""
    if frame.empty:
        return ""
    top = frame.iloc[0]
    return (
        f"{100 * top['selected_share']:.0f} % of the {what} have {NAMES.get(top['attribute'], top['attribute'])} "
        f"“{top['value']}”, against {100 * top['rest_share']:.0f} % of all others."
    )

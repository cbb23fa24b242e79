"""What AppTest runs: one page of the app, named by ``TEST_PAGE``; the others are there to be linked to."""

import os
from collections.abc import Callable
from importlib import import_module
from typing import Final

import streamlit as st

NAMES: Final = ("runs", "run", "compare", "reliability", "cost", "workers", "health")


def _opener(name: str) -> Callable[[], None]:
    def opened() -> None:
        import_module(f"durascope_dashboard.views.{name}").page()

    opened.__name__ = f"page_{name}"
    return opened


shown = os.environ["TEST_PAGE"]
pages = {name: st.Page(_opener(name), title=name, url_path=name, default=name == shown) for name in NAMES}
st.session_state["pages"] = pages
st.navigation(list(pages.values())).run()

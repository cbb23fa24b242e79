"""The dashboard's entry: `streamlit run app.py`, as launch.py does. One function a page, imported when it is opened."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

import streamlit as st

from durascope_dashboard import sign_in
from durascope_dashboard.links import PAGES
from durascope_dashboard.panels import footer

ICON: Final = Path(__file__).with_name("icon.svg")  # a file of ours: a named icon would be fetched from the internet


def _opener(name: str, mark: str = "") -> Callable[[], None]:
    def opened() -> None:
        import_module(f"durascope_dashboard.views.{name}").page()

    opened.__name__ = f"page_{name}{mark}"  # Streamlit tells pages apart by it
    return opened


def main() -> None:
    """Choose the page by the URL and draw it."""
    st.set_page_config(page_title="Durascope", page_icon=str(ICON), layout="wide", initial_sidebar_state="collapsed")
    pages = {
        name: st.Page(
            _opener(name), title=title, icon=icon, url_path=None if name == "runs" else name, default=name == "runs"
        )
        for name, title, icon in PAGES
    }
    st.session_state["pages"] = pages  # what st.switch_page and st.page_link need
    # The default page lives at "/": without this a link to /runs would be answered by "Page not found".
    alias = st.Page(_opener("runs", "again"), title="Runs", url_path="runs", visibility="hidden")
    page = st.navigation([*pages.values(), alias], position="top")
    st.set_page_config(page_title=f"{page.title} · Durascope")
    if sign_in.allowed():
        page.run()
        footer.draw()


main()

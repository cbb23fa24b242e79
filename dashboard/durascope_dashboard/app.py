"""The dashboard's entry: `streamlit run app.py`, as launch.py does. One function a page, imported when it is opened."""

import streamlit as st


def _runs() -> None:
    from durascope_dashboard.views import runs

    runs.page()


def _run() -> None:
    from durascope_dashboard.views import run

    run.page()


def main() -> None:
    """Choose the page by the URL and draw it."""
    st.set_page_config(page_title="Durascope", page_icon=":material/timeline:", layout="wide")
    pages = {
        "runs": st.Page(_runs, title="Runs", icon=":material/list:", url_path="runs", default=True),
        "run": st.Page(_run, title="Run", icon=":material/view_timeline:", url_path="run"),
    }
    st.session_state["pages"] = pages  # what st.switch_page needs
    st.navigation(list(pages.values()), position="top").run()


main()

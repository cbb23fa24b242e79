"""What a page shows when there is nothing to show: what is missing, and the one command that mends it."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from durascope_dashboard.exceptions import DurascopeError, NotFound, Refused, StoreUnavailable, UsageError

READ = "durascope backfill --since 7d\ndurascope import history.json"


@contextmanager
def guarded() -> Iterator[None]:
    """Draw errors of ours as a state of the page, with the next step; anything else is a defect and goes on up."""
    try:
        yield
    except NotFound as error:
        explain("Not found", str(error), command=READ, icon=":material/search_off:")
    except Refused as error:
        explain("No permission", str(error), command="export DURASCOPE_TOKEN=…", icon=":material/lock:")
    except StoreUnavailable as error:
        explain("No data source", str(error), command="durascope collect", icon=":material/power_off:")
        st.button("Try again", icon=":material/refresh:", key="retry_source")
    except UsageError as error:
        explain("This link asks for something that does not exist", str(error), icon=":material/link_off:")
    except DurascopeError as error:
        explain("Something is wrong with the data source", str(error), icon=":material/error:")


def explain(title: str, sentence: str, *, command: str | None = None, icon: str = ":material/info:") -> None:
    """A title, one sentence, and the command to run, in the place where the content would be."""
    with st.container(border=True):
        st.subheader(title, anchor=False)
        st.text(f"{sentence[:1].upper()}{sentence[1:]}")
        if command:
            st.code(command, language=None)  # the colours of shell words are too faint to be read


def empty_store() -> None:
    """There are no runs at all yet."""
    explain(
        "No runs yet",
        "the store is empty: start a workflow on a Temporal server that the collector follows, or import a history "
        "file as Temporal's UI downloads it. To look around first, run the demo.",
        command="durascope demo\ndurascope import history.json",
    )


def no_match() -> None:
    """Filters that leave nothing."""
    explain("No run matches", "no run of this store passes all of the filters above.")
    # A link, not a button: while the page is live, what the browser says of its filters may overtake a button's answer.
    st.html('<a href="./" target="_self" style="color:inherit;font-size:14px">Clear the filters</a>')

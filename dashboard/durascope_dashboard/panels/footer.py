"""The line under every page: the version, where the data comes from, who is signed in, and the keys.

The help is a component of its own because Streamlit's shortcuts know no question mark; it never asks the server.
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import streamlit as st

from durascope_dashboard import data, sign_in
from durascope_dashboard.panels import markup

KEYS: Final = (
    ("?", "This help"),
    ("Tab, Shift + Tab", "Next and previous control"),
    ("Space, Enter", "Press, choose"),
    ("Arrow keys", "Move in a table, a list or a row of choices"),
    ("Ctrl + F", "In a table: search in it"),
    ("Space", "On a table's row: tick it; two ticked runs can be compared"),
    ("R", "Read the page again"),
    ("? on the timeline", "The timeline's own keys"),
)
_ROWS: Final = "".join(f"<dt><kbd>{key}</kbd></dt><dd>{words}</dd>" for key, words in KEYS)
HTML: Final = f"""<button type="button" class="open" aria-haspopup="dialog">Keys <kbd>?</kbd></button>
<dialog aria-label="Keys"><h2>Keys</h2><dl>{_ROWS}</dl><form method="dialog"><button>Close</button></form></dialog>"""
CSS: Final = """
* { font-family: var(--st-font); color: var(--st-text-color); }
button { background: none; border: 1px solid var(--st-border-color); border-radius: 6px; padding: 1px 9px;
  font-size: 12.5px; cursor: pointer; }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
kbd { font-size: 12px; font-weight: 600; }
dialog { background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: 8px;
  padding: 14px 20px; min-width: 26rem; }
dialog::backdrop { background: rgba(0, 0, 0, .4); }
h2 { font-size: 16px; margin: 0 0 8px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 18px; margin: 0 0 12px; font-size: 13.5px; }
dd { margin: 0; }
"""
SCRIPT: Final = """
export default function ({ parentElement }) {
  const dialog = parentElement.querySelector("dialog");
  const open = () => { if (!dialog.open) dialog.showModal(); };
  const writing = (target) => target instanceof Element
    && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
  const pressed = (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey || writing(event.composedPath()[0])) return;
    event.preventDefault();
    open();
  };
  const button = parentElement.querySelector("button.open");
  button.onclick = open;
  document.addEventListener("keydown", pressed);
  button.dataset.ready = "yes";
  return () => document.removeEventListener("keydown", pressed);
}
"""


@cache
def _component() -> Callable[..., Any]:
    found: Callable[..., Any] = st.components.v2.component("durascope_keys", html=HTML, css=CSS, js=SCRIPT)
    return found


def _version() -> str:
    try:
        return version("durascope")
    except PackageNotFoundError:
        return "from source"


def _source() -> str:
    server, store = data.source()
    return server or store or "the collector on this machine"


def draw() -> None:
    """Draw it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="footer"):
        where = markup.text(f"Durascope {_version()} · data from {_source()}")
        st.html(f'<span style="font-size:12.5px;opacity:.75">{where}</span>', width="content")
        st.space("stretch")
        sign_in.draw_user()
        _component()(key="keys", width="content", height="content")

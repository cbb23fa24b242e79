"""Draws a part of a page again every few seconds, for as long as somebody looks at it.

Not Streamlit's own ``run_every``: its timer goes on until the browser has heard of the next page. A tick sent after the
click that leads there names the old page, arrives last, and leaves the new one empty. This clock holds still after a
click, a key and Back, while the tab is hidden, and until the last answer has come.
"""

from collections.abc import Callable
from functools import cache
from time import monotonic_ns
from typing import Any, Final

import streamlit as st

from durascope_dashboard import inline

HOLD_S: Final = 3.0
"""After a click: longer than the next page takes to be announced."""
PATIENCE_S: Final = 15.0
"""Ask again when no answer has come."""
SCRIPT: Final = """
const LEAVING = ["pointerdown", "click", "keydown", "popstate"];

class Clock {
  constructor() {
    this.hold = () => { this.held = performance.now() + this.told.hold; };
    this.woken = () => this.wait();
    this.due = 0;
    this.held = 0;
    for (const name of LEAVING) window.addEventListener(name, this.hold, true);
    document.addEventListener("visibilitychange", this.woken);
  }

  answered({ data, setTriggerValue }) {
    this.told = data;
    this.ask = () => setTriggerValue("due", true);
    if (data.turn !== this.turn) this.due = performance.now() + data.every;
    this.turn = data.turn;
    this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    const left = () => Math.max(this.due, this.held) - performance.now();
    if (left() <= 0) {
      this.due = performance.now() + this.told.patience;
      this.ask();
    }
    this.timer = setTimeout(() => this.wait(), Math.max(10, left()));
  }

  close() {
    clearTimeout(this.timer);
    for (const name of LEAVING) window.removeEventListener(name, this.hold, true);
    document.removeEventListener("visibilitychange", this.woken);
  }
}

export default function (component) {
  const host = component.parentElement;
  host.clock ??= new Clock();
  host.clock.answered(component);
  return () => {
    host.clock?.close();
    delete host.clock;
  };
}
"""


@cache
def _component() -> Callable[..., Any]:
    found: Callable[..., Any] = st.components.v2.component("durascope_again", html="<span></span>", js=SCRIPT)
    return found


def every(seconds: float | None, body: Callable[..., None], *, key: str) -> Callable[..., None]:
    """``body`` as a fragment that is drawn again ``seconds`` after it was last drawn; never, if None."""

    def drawn(*args: Any) -> None:
        body(*args)
        if seconds is not None:
            times = {"every": 1000 * seconds, "hold": 1000 * HOLD_S, "patience": 1000 * PATIENCE_S}
            _component()(
                key=f"again_{key}", data={**times, "turn": monotonic_ns() // 1000}, on_due_change=inline.ignore
            )

    return st.fragment(drawn, key=key)

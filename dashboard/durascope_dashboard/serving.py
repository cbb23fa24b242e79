"""The dashboard as a server, as `streamlit run` finds it: app.py for each session, and page files of our own."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import streamlit as st
from starlette.middleware import Middleware

from durascope_dashboard.page_files import FromMemory

# What the first visitor would otherwise wait for, a second or two.
WARMED: Final = ("runs", "run")


@asynccontextmanager
async def _lifespan(_: Any) -> AsyncIterator[None]:
    threading.Thread(target=_warm, name="durascope-warm", daemon=True).start()
    yield


def _warm() -> None:
    for name in WARMED:
        import_module(f"durascope_dashboard.views.{name}")


app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(FromMemory)], lifespan=_lifespan)

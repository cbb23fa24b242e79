"""Sign-in with OpenID Connect (`st.login`), when an `[auth]` section is in Streamlit's secrets; off without one.

On loopback nothing is asked for: whoever reaches it already is on the machine.
"""

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from durascope_dashboard.panels.plain import plain


def configured() -> bool:
    """Whether there is an ``[auth]`` section."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False  # no secrets file at all: the ordinary case on loopback


def _signed_in() -> bool:
    return st.user.get("is_logged_in") is True  # absent as long as Streamlit itself has no provider: nobody is in


def draw_user() -> None:
    """Who is signed in, and the way out; nothing where nobody signs in."""
    if not configured() or not _signed_in():
        return
    st.caption(plain(st.user.get("email") or st.user.get("name") or "signed in"), width="content")
    st.button("Sign out", on_click=st.logout, type="tertiary", icon=":material/logout:", key="sign_out")


def allowed() -> bool:
    """Whether the page may be drawn; else draws the way to sign in."""
    if not configured() or _signed_in():
        return True
    with st.container(border=True, width=420):
        st.subheader("Durascope", anchor=False)
        st.text("These runs are for people who sign in.")
        st.button("Sign in", on_click=st.login, type="primary", icon=":material/login:")
    return False

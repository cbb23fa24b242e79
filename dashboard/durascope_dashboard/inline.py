"""Files of a component, put together to travel inline: see ``timeline/component.py`` for why."""

from collections.abc import Iterable
from importlib.resources import files


def script(package: str, names: Iterable[str]) -> str:
    """``assets/<name>.js`` of a package, in this order, as one ES module."""
    folder = files(package) / "assets"
    return "\n".join((folder / f"{name}.js").read_text("utf-8") for name in names)


def style(package: str, name: str) -> str:
    """``assets/<name>.css`` of a package."""
    return (files(package) / "assets" / f"{name}.css").read_text("utf-8")


def ignore() -> None:
    """Streamlit makes a trigger only for names that have a callback."""

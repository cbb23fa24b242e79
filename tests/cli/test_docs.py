"""The documentation of the command line says what the commands do."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from durascope_dashboard.analysis.view import run_summary
from durascope_dashboard.cli import COMMANDS
from durascope_dashboard.cli.runs import VIEWS
from durascope_dashboard.store.schema import TIME_CLASSES

DOCS = Path(__file__).parents[2] / "docs"


def cli_help() -> ModuleType:
    """docs/cli_help.py."""
    spec = importlib.util.spec_from_file_location("cli_help", DOCS / "cli_help.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_help_in_the_documentation_is_the_help_of_the_commands() -> None:
    """If it is not: python docs/cli_help.py."""
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert cli_help().with_help(page) == page


def test_every_command_and_view_is_documented() -> None:
    """Each in a table of its own."""
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert set(COMMANDS) <= set(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE))
    assert all(f"`{view}`" in page for view in VIEWS)


def test_every_number_of_the_json_is_defined() -> None:
    """Sums, classes of time, ledger and coverage: docs/numbers.md has a word about each."""
    page = (DOCS / "numbers.md").read_text(encoding="utf-8")
    run = run_summary({"started": 0})
    wanted = [
        *TIME_CLASSES,
        *run["retries"],
        *run["coverage"],
        *run["tokens"],
        "cost.billed",
        "unpriced_models",
        "skew_ms",
    ]
    assert [name for name in wanted if f"`{name}`" not in page] == []

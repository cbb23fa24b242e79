"""Puts the help texts of the reading commands into docs/cli.md: `python docs/cli_help.py`. A test checks them."""

import re
import sys
from pathlib import Path

from durascope_dashboard.cli import durascope

PAGE = Path(__file__).parent / "cli.md"
_BLOCK = re.compile(r"(?P<head><!-- help: (?P<words>[a-z ]+) -->\n```text\n)[^`].*?(?P<tail>\n```)", re.DOTALL)


def help_of(words: list[str]) -> str:
    """The help text of a command, 100 columns wide."""
    import click

    command: click.Command = durascope
    names = durascope.context_settings["help_option_names"]  # click keeps what the first context of a process says
    context = click.Context(durascope, info_name="durascope", terminal_width=100, help_option_names=names)
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None
        command = found
        context = click.Context(command, info_name=word, parent=context, terminal_width=100)
    lines = command.get_help(context).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def with_help(page: str) -> str:
    """The page with every block as the commands say now."""
    return _BLOCK.sub(lambda found: found["head"] + help_of(found["words"].split()) + found["tail"], page)


if __name__ == "__main__":
    PAGE.write_text(with_help(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE} is as the commands say\n")

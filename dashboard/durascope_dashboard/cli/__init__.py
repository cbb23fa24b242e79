"""The `durascope` command. Each command is a file here, imported only when it is asked for."""

import importlib
import sys
import traceback

import click

from durascope_dashboard.temporal.ending import let_go_of_temporal

# Command -> the module that defines `command`, and its line in --help (so that --help imports nothing).
COMMANDS = {
    "demo": "Everything at once: Temporal dev server, collector, sample workers, dashboard.",
    "up": "The collector and the dashboard, over a Temporal server that is there.",
    "collect": "Receive OTLP, follow Temporal histories, serve the read API.",
    "dashboard": "The web page over a collector or a store.",
    "backfill": "Read the histories of runs that have already closed.",
    "import": "Add runs from history files as Temporal's UI or CLI downloads them.",
    "runs": "List runs, newest first.",
    "show": "One run: every operation and attempt, where the time went, what it cost.",
    "compare": "What differs between two runs.",
    "export": "Send runs to other tools.",
    "store": "Look at and tend the store.",
    "doctor": "Check the set-up and say what to mend.",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a working day, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        name = "import_" if cmd_name == "import" else cmd_name
        command = importlib.import_module(f"{__name__}.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of COMMANDS."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="durascope", prog_name="durascope")
def durascope(debug: bool) -> None:
    """Every attempt, wait, retry and token of durable AI-agent runs."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code is 0 (done), 1 (failed or not found) or 2 (wrong usage)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return _dispatch(arguments)
    finally:
        let_go_of_temporal()


def _dispatch(arguments: list[str]) -> int:
    try:
        result = durascope.main(args=arguments, prog_name="durascope", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show(sys.stderr)
        return error.exit_code
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        path = context.command_path if context else "durascope"
        sys.stderr.write(f"durascope: {error.format_message().rstrip('.')}; see: {path} --help\n")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        return _report(error, debug="--debug" in arguments)
    return result if isinstance(result, int) else 0


def _report(error: Exception, *, debug: bool) -> int:
    from durascope_dashboard.exceptions import DurascopeError

    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, DurascopeError):
        sys.stderr.write(f"durascope: {error}\n")
        return error.exit_code
    if not debug:
        sys.stderr.write(f"durascope: {type(error).__name__}: {error} (run again with --debug for the traceback)\n")
    return 1

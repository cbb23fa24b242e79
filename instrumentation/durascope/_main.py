"""The `durascope` command. It lives in the light package so that a light install can say what is missing."""

import sys


def main() -> int:
    """Run the command line; without the dashboard extra, say in one sentence how to get it."""
    try:
        from durascope_dashboard.cli import main as cli_main
    except ModuleNotFoundError as error:
        missing = error.name or "a package"
        sys.stderr.write(
            f"durascope: the command line needs {missing}, which is not installed; "
            "run: pip install 'durascope[dashboard]'\n"
        )
        return 1
    return cli_main()


if __name__ == "__main__":
    sys.exit(main())

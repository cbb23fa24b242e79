"""A program for a crew: ``[seconds, exit code]``."""

import os
import sys
import time


def main() -> int:
    """Say who it is, wait, end."""
    sys.stdout.write(" ".join([os.environ["OTEL_SERVICE_NAME"], *sys.argv]) + "\n")
    sys.stdout.flush()
    time.sleep(float(sys.argv[1]))
    return int(sys.argv[2])

"""The end of a process that has talked to Temporal."""

import sys
import time

PAUSE_S = 0.1


def let_go_of_temporal() -> None:
    """Call it last. temporalio aborts an interpreter that ends while a thread of its core still hands back a result.

    Source: temporalio/sdk-python issue 300, open; seen with 1.35 in two of six short programs.
    """
    if "temporalio.bridge.temporal_sdk_bridge" in sys.modules:
        time.sleep(PAUSE_S)

"""Which runs are this collector's, where several share a store: by a hash of the run's key, so that nobody must agree.

Every collector receives and stores whatever is sent to it; a shard says whose runs it follows and joins.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Final, Self

from durascope.identity import RunKey
from durascope_dashboard.exceptions import UsageError

_SHARD: Final = re.compile(r"(\d{1,4})/(\d{1,4})")


@dataclass(frozen=True)
class Shard:
    """Part ``index`` (from 1) of ``count``; the default is all of it."""

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """``2/3``. Raises UsageError."""
        found = _SHARD.fullmatch(text.strip())
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"{text!r} is not a shard; write which one and of how many, for example 1/3")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def owns(self, run: RunKey) -> bool:
        """Whether this run is one of the shard's."""
        return self.count == 1 or zlib.crc32("\x1f".join(run).encode()) % self.count == self.index - 1

    def named(self, key: str) -> str:
        """The name of a small value in the store that is the shard's own."""
        return key if self.count == 1 else f"{key}:{self}"


ALL: Final = Shard()

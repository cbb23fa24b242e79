"""Text from data where Streamlit reads Markdown (labels, captions): shown as it is, never as markup."""

import re
from typing import Final

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=])")


def plain(value: object, limit: int = 80) -> str:
    """The value with every Markdown sign escaped, on one line, cut at ``limit`` characters."""
    words = " ".join(str(value).split())
    cut = words if len(words) <= limit else words[: limit - 1] + "…"
    return _SPECIAL.sub(r"\\\1", cut)

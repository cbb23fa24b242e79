"""Who is asking, and what that allows. Permissions are data of the workflow, never a matter of the prompt."""

from dataclasses import dataclass, field


@dataclass
class Caller:
    """``permissions`` are names of tools."""

    name: str
    permissions: list[str] = field(default_factory=list)


@dataclass
class AccountRequest:
    """What the caller wants. ``approval_timeout_s`` None: wait for a decision for ever."""

    caller: Caller
    text: str
    approval_timeout_s: float | None = 3600.0

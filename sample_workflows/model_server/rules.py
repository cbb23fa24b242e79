"""Scripts: a list of rules, tried in order; the first that matches a request answers it.

Put faults first and general answers last. Nothing here draws from a shared random state: chance is a hash of the
seed, the rule and the request, so the same seed gives the same conversation however requests interleave.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sample_workflows.model_server.answers import Answer, Structured, Text
from sample_workflows.model_server.latency import Latency
from sample_workflows.model_server.request import ModelRequest
from sample_workflows.model_server.schema import example


@dataclass(frozen=True, slots=True)
class Rule:
    """When to answer what. Every condition given must hold; a rule without conditions matches everything.

    ``model`` is a shell pattern; ``instructions`` and ``user`` are substrings (the latter of the last user message);
    ``after`` is the tool whose output came last, ``""`` for "no tool was called yet"; ``turn`` counts the model's turns
    since the user spoke, from 0; ``first`` holds for the first N sightings of the very same request, so
    ``first=2`` fails a call twice and then lets its retry through; ``chance`` is a probability per sighting.
    Without ``usage`` the answer says nothing of tokens, as some providers' do.
    """

    name: str
    answer: Answer | Callable[[ModelRequest], Answer]
    model: str | None = None
    instructions: str | None = None
    user: str | None = None
    after: str | None = None
    turn: int | None = None
    first: int | None = None
    chance: float = 1.0
    when: Callable[[ModelRequest], bool] | None = None
    latency: Latency | None = None
    usage: bool = True

    def matches(self, request: ModelRequest, seed: int) -> bool:
        """Whether this rule answers the request."""
        return (
            (self.model is None or fnmatchcase(request.model, self.model))
            and (self.instructions is None or self.instructions in request.instructions)
            and (self.user is None or self.user in request.user)
            and (self.after is None or self.after == _last_tool(request))
            and (self.turn is None or self.turn == _turn(request))
            and (self.first is None or request.seen < self.first)
            and (self.chance >= 1.0 or fraction(seed, self.name, request.fingerprint, request.seen) < self.chance)
            and (self.when is None or self.when(request))
        )

    def reply(self, request: ModelRequest) -> Answer:
        """The answer to this request."""
        return self.answer(request) if callable(self.answer) else self.answer


def fraction(seed: int, *parts: object) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.blake2b(repr((seed, *parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _last_tool(request: ModelRequest) -> str:
    outputs = request.outputs
    return outputs[-1].name if outputs else ""


def _turn(request: ModelRequest) -> int:
    """Model turns since the user spoke: parallel calls of one turn stand side by side, then their outputs."""
    turns, inside = 0, False
    for item in request.since_user:
        mine = item.kind in ("assistant", "call")
        turns += mine and not inside
        inside = mine
    return turns


def choose(rules: Sequence[Rule], request: ModelRequest, seed: int) -> Rule:
    """The first rule that matches, else :data:`DEFAULT`."""
    return next((rule for rule in rules if rule.matches(request, seed)), DEFAULT)


def _default(request: ModelRequest) -> Answer:
    if request.schema is not None:
        return Structured(example(request.schema))
    return Text(f"Understood: {request.user[:200]}")


DEFAULT = Rule("default", _default)
"""Answers what no rule matches: the smallest value of the wanted schema, else a sentence that repeats the request."""

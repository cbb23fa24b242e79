"""Which worker this is: Temporal's activity info does not say."""

from dataclasses import dataclass

from temporalio.worker import WorkerConfig
from temporalio.worker._worker import load_default_build_id

from durascope._safely import safely


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """Identity and build id, as the worker itself tells the server."""

    identity: str | None = None
    build_id: str | None = None


def identity_of(config: WorkerConfig) -> WorkerIdentity:
    """Read it from a worker's configuration."""
    client = config.get("client")
    deployment = config.get("deployment_config")
    build = deployment.version.build_id if deployment else config.get("build_id") or _default_build()
    return WorkerIdentity(config.get("identity") or (client.identity if client else None), build)


@safely
def _default_build() -> str:
    # What the worker itself falls back to, a moment later; computed once a process and remembered by temporalio.
    return load_default_build_id()

"""Which worker this is: Temporal's activity info does not say."""

from dataclasses import dataclass

from temporalio.worker import WorkerConfig


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """Identity and build id, as the worker itself tells the server."""

    identity: str | None = None
    build_id: str | None = None
    namespace: str | None = None


def identity_of(config: WorkerConfig) -> WorkerIdentity:
    """Read it from a worker's configuration."""
    client = config.get("client")
    deployment = config.get("deployment_config")
    build = deployment.version.build_id if deployment else config.get("build_id")
    return WorkerIdentity(
        config.get("identity") or (client.identity if client else None),
        build,
        client.namespace if client else None,
    )

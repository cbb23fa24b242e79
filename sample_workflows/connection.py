"""Which Temporal server the samples work with."""

from temporalio.envconfig import ClientConfig, ClientConnectConfig

DEFAULT_ADDRESS = "localhost:7233"


def connect_config(address: str | None = None) -> ClientConnectConfig:
    """For ``Client.connect``: the environment's configuration, else a dev server where Temporal's CLI starts it."""
    config = ClientConfig.load_client_connect_config()
    config["target_host"] = address or config.get("target_host") or DEFAULT_ADDRESS
    return config

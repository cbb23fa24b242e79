"""The demo's ports: the well-known ones, or any free ones."""

from dataclasses import dataclass, fields

from durascope_dashboard.demo.dev_server import free_port, port_in_use
from durascope_dashboard.demo.errors import DemoError


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything listens on 127.0.0.1."""

    temporal: int = 7233
    temporal_ui: int = 8233
    models: int = 8399
    otlp_grpc: int = 4317
    otlp_http: int = 4318
    dashboard: int = 8501

    @classmethod
    def free(cls, **given: int) -> "Ports":
        """Free ports, except those given."""
        taken: dict[str, int] = dict(given)
        for field in fields(cls):
            while field.name not in taken:
                port = free_port()
                if port not in taken.values():
                    taken[field.name] = port
        return cls(**taken)

    def require_free(self) -> None:
        """Raises DemoError naming the first port that somebody listens on."""
        for field in fields(self):
            port = getattr(self, field.name)
            if port_in_use(port):
                raise DemoError(
                    f"port {port}, which the demo needs for {LABELS[field.name]}, is in use; "
                    "stop what listens there, or run: durascope demo --free-ports"
                )


LABELS = {
    "temporal": "the Temporal dev server",
    "temporal_ui": "Temporal's web UI",
    "models": "the scripted model server",
    "otlp_grpc": "OTLP over gRPC",
    "otlp_http": "the collector",
    "dashboard": "the dashboard",
}

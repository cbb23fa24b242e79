"""A collector as a process of its own, as users run it, and what it costs while it runs."""

import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

RESULTS = Path(__file__).parent / "results"
_TICK = os.sysconf("SC_CLK_TCK")
_CODE = (
    "import sys; from pathlib import Path; from durascope_dashboard.collector.server import run_collector\n"
    "ready = lambda a: print(a['http'][1], a['grpc'][1], flush=True)\n"
    "sys.exit(run_collector(Path(sys.argv[1]), f'127.0.0.1:{sys.argv[2]}', f'127.0.0.1:{sys.argv[3]}',"
    " on_ready=ready))"
)


class CollectorProcess:
    """``durascope collect --no-history`` on free ports (or those given); stopped with SIGTERM at the end."""

    def __init__(
        self, store: Path, *, http: int = 0, grpc: int = 0, env: Mapping[str, str] | None = None,
        file_limit: int | None = None, prelude: str = "",
    ) -> None:  # fmt: skip
        """``prelude``: Python that runs in its process before anything else."""
        self.store = store
        begun = time.monotonic()

        def limit() -> None:
            if file_limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))

        self.process = subprocess.Popen(
            [sys.executable, "-c", prelude + _CODE, str(store), str(grpc), str(http)],
            stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}, preexec_fn=limit,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline().split()
        if not line:
            raise RuntimeError(f"the collector ended with {self.process.wait()} before it was ready")
        self.http, self.grpc = int(line[0]), int(line[1])
        self.ready_s = time.monotonic() - begun

    @property
    def url(self) -> str:
        """Of its HTTP port."""
        return f"http://127.0.0.1:{self.http}"

    def _pids(self) -> list[int]:
        """Its process and the one that joins runs."""
        own = self.process.pid
        try:
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
            for task in Path(f"/proc/{own}/task").iterdir():
                children += (task / "children").read_text().split()
        except FileNotFoundError:  # a thread that ended meanwhile
            children = []
        return [own, *sorted({int(pid) for pid in children})]

    def memory_mb(self, which: str = "VmRSS") -> float:
        """Resident memory of both processes now, or the most there was of each (VmHWM)."""
        total = 0
        for pid in self._pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(which):
                    total += int(line.split()[1])
        return total / 1024

    def cpu_s(self) -> float:
        """CPU time that both have used so far."""
        total = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICK

    def lift_file_limit(self) -> None:
        """Files may grow again."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self.process.kill()
        self.process.wait()
        self._release()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()  # nothing, if it has ended
            self.process.wait()
            self._release()

    def _release(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpus": os.cpu_count(), "memory_gib": round(memory, 1), "python": platform.python_version(),
        "system": platform.system(), "load_before": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def percentiles(values: list[float], *points: float) -> dict[str, float]:
    """``{"p50": ...}`` of the values, in their unit; nothing of none."""
    ordered = sorted(values)
    if not ordered:
        return {}
    return {
        f"p{point:g}": round(ordered[min(len(ordered) - 1, int(len(ordered) * point / 100))], 4) for point in points
    }


def report(name: str, found: Mapping[str, Any], *, keep: bool) -> None:
    """Print the figures as JSON; ``keep`` also writes benchmarks/results/<name>.json."""
    text = json.dumps(found, indent=2)
    print(text)
    if keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n")

"""Load on a server by wrk, and what the server's processes took."""

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """What a run of wrk found.

    Attributes:
        requests_per_second: Answers a second.
        p50_ms: Median latency.
        p99_ms: Latency that one request in a hundred exceeds.
        errors: Answers other than 2xx, and failures of connections.
        cpu_us: Processor time of the server for one request, in microseconds.
        memory_mb: Resident memory of the server's processes afterwards, in MB.
    """

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_us: float
    memory_mb: float

    def plain(self) -> dict[str, float]:
        """As plain values."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def load(url: str, body: object, *, connections: int, seconds: int, pid: int) -> Load:
    """Ask ``url`` for some seconds with a fixed number of connections that are kept open.

    Args:
        url: Where to POST.
        body: What, as JSON.
        connections: How many at once.
        seconds: How long.
        pid: The server's process.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("This benchmark needs wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        content = Path(folder) / "body.json"
        content.write_text(json.dumps(body))
        script.write_text(
            f'local file = io.open("{content}", "rb")\nwrk.method = "POST"\nwrk.body = file:read("*a")\n'
            'wrk.headers["Content-Type"] = "application/json"\n'
        )
        before = _cpu(pid)
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "--latency", "-s", str(script)]
        told = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
        took = _cpu(pid) - before
    count = int(_number(r"(\d+) requests in", told))
    return Load(
        requests_per_second=_number(r"Requests/sec:\s+([\d.]+)", told),
        p50_ms=_latency("50", told),
        p99_ms=_latency("99", told),
        errors=int(_number(r"Non-2xx or 3xx responses: (\d+)", told))
        + sum(int(text) for text in re.findall(r"(?:connect|read|write|timeout) (\d+)", told)),
        cpu_us=took / max(count, 1) * 1e6,
        memory_mb=memory(pid),
    )


def memory(pid: int) -> float:
    """Resident memory of a process and its children in MB; pages that they share are counted once."""
    return sum(process.memory_full_info().pss for process in _tree(pid)) / 1e6


def _cpu(pid: int) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in _tree(pid))


def _tree(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0


def _latency(percent: str, text: str) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)", text, re.MULTILINE)
    return float(found[1]) * _SECONDS[found[2]] * 1000 if found else 0.0

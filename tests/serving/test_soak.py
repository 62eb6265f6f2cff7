"""A server at full load for long: swaps, killed workers, no wrong answer, flat memory (`make soak`: ten minutes)."""

import itertools
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import urllib3

from headrace.core.bundles.bundle import Bundle
from tests.made_bundle import make_bundle
from tests.serving.conftest import GOOD, Running, running
from tests.serving.test_lifecycle import place, workers_of

pytestmark = pytest.mark.slow
_CLIENTS = 8
_SECONDS = 20.0
_GROWTH_MB = 40.0


class Client(threading.Thread):
    """Asks single rows, many rows and wrong rows, and compares each answer with what the versions answer."""

    def __init__(self, url: str, known: list[dict[str, Any]], ended: threading.Event) -> None:
        super().__init__()
        self.url, self.known, self.ended = url, known, ended
        self.found: Counter[str] = Counter()

    def run(self) -> None:
        """Ask until told to end."""
        bodies = [([place], [GOOD_ROWS[place]]) for place in range(len(GOOD_ROWS))]
        bodies.append((list(range(len(GOOD_ROWS))) * 20, GOOD_ROWS * 20))
        for turn in itertools.cycle(range(len(bodies) + 1)):
            if self.ended.is_set():
                return
            if turn == len(bodies):
                self.found[self._ask([{**GOOD, "plan": "gold"}], None)] += 1
            else:
                self.found[self._ask(bodies[turn][1], bodies[turn][0])] += 1

    def _ask(self, rows: list[Any], places: list[int] | None) -> str:
        try:
            reply = POOL.request("POST", self.url, body=json.dumps({"instances": rows}))
        except urllib3.exceptions.HTTPError:
            return "cut"  # the worker of this connection was killed
        if places is None:
            return "refused" if reply.status == 400 else f"status {reply.status} for a wrong row"
        if reply.status != 200:
            return f"status {reply.status}: {reply.data[:200]!r}"
        answers = reply.json()["predictions"]
        for version in self.known:
            if answers == [version["answers"][place] for place in places]:
                return "right"
        return f"wrong: {answers[:2]}"


GOOD_ROWS = [{**GOOD, "age": 20 + 7 * place, "plan": plan} for place, plan in enumerate(["basic", "plus", "premium"])]
POOL = urllib3.PoolManager(num_pools=4, maxsize=_CLIENTS, retries=False, timeout=20)


def memory(server: Running) -> float:
    """Proportional set size of the parent and its workers, in MB."""
    total = 0
    for pid in (server.process.pid, *workers_of(server)):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1000


def test_a_server_at_full_load_gives_no_wrong_answer(
    bundle: Bundle, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every second a swap or a killed worker; each answer is one version's, and only killed connections are cut."""
    seconds = request.config.getoption("--soak-seconds") or _SECONDS
    other = make_bundle(tmp_path / "other", family="random_forest")
    folder = tmp_path / "model"
    known = []
    for version in (bundle, other):
        place(version, folder)
        with running(folder, tmp_path / "probe") as probe:
            answers = probe.remote.predict(GOOD_ROWS).document["predictions"]
            known.append({"digest": version.digest, "answers": answers})
        (tmp_path / "probe" / "address.json").unlink()
    draw = random.Random(20261123)  # noqa: S311 - a choice of victims
    with running(folder, tmp_path / "server", "--workers", "2") as server:
        ended = threading.Event()
        clients = [Client(server.remote.url, known, ended) for _ in range(_CLIENTS)]
        for client in clients:
            client.start()
        try:
            peaks = _disturb(server, folder, (bundle, other), draw, seconds)
        finally:
            ended.set()
            for client in clients:
                client.join(60)
        found = sum((client.found for client in clients), Counter[str]())
        kills = peaks.pop()
        assert set(found) <= {"right", "refused", "cut"}, found
        assert found["right"] > 20 * seconds
        assert found["cut"] <= kills * _CLIENTS
        half = len(peaks) // 2
        assert max(peaks[half:]) <= max(peaks[:half]) + _GROWTH_MB, peaks
        assert "Traceback" not in server.log.read_text()


def _disturb(
    server: Running, folder: Path, versions: tuple[Bundle, Bundle], draw: random.Random, seconds: float
) -> list[float]:
    """Swap and kill; the memory of each second, and last how many workers were killed."""
    deadline, peaks, kills = time.monotonic() + seconds, [], 0
    turn = 0
    while time.monotonic() < deadline:
        time.sleep(1)
        turn += 1
        if turn % 7 == 0:
            os.kill(draw.choice(workers_of(server)), signal.SIGKILL)
            kills += 1
        else:
            place(versions[turn % 2], folder)
            server.process.send_signal(signal.SIGHUP)
        try:
            peaks.append(memory(server))
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue  # a worker ended while it was looked at
    return [*peaks, float(kills)]

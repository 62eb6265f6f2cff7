"""A bundle on its way into a real MinIO: Headrace beside `rclone copy` and boto3's transfer manager.

    make bench NAME=publish           (or: python benchmarks/publish.py --runs 5 --mebibytes 1024 --files 10000)

Two bundles: one big file, and many small ones. Headrace verifies the bundle, stores it, reads every byte back and
writes the manifest last; the others only upload. For comparison the time of `rclone copy` with `rclone check
--download` behind it, which reads back too, is shown as well. Needs the binary `minio` in the folder that
KUBEBUILDER_ASSETS names.

Prints a table for people and, last, one line of JSON.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.base.errors import StoreError
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles import integrity
from headrace.core.runtime.processes import free_port
from headrace.stores.objects.local_s3 import rclone
from headrace.stores.objects.object_store import connect

GOALS = {"big": 0.9, "small": 0.9, "memory_growth": 1.25}
JOBS = Path(__file__).with_name("publish_jobs.py")
PEERS = ("rclone", "boto3")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Took:
    """What a run took.

    Attributes:
        seconds: Wall time of the whole process.
        cpu: Processor time.
        peak_mb: Largest resident memory, in MB.
    """

    seconds: float
    cpu: float
    peak_mb: float


def big(folder: Path, mebibytes: int) -> Path:
    """A bundle of one file of random bytes."""
    folder.mkdir(parents=True)
    with (folder / "model.bin").open("wb") as stream:
        for _ in range(mebibytes):
            stream.write(os.urandom(_BLOCK))
    return _sealed(folder, "big")


def small(folder: Path, files: int) -> Path:
    """A bundle of many files of one to four kilobytes."""
    for number in range(files):
        path = folder / f"d{number // 100:03d}" / f"f{number:05d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(1000 + number % 3000))
    return _sealed(folder, "small")


def _sealed(folder: Path, name: str) -> Path:
    (folder / "manifest.json").write_text(integrity.make(folder, name).dumps())
    return folder


@contextlib.contextmanager
def minio(folder: Path) -> Iterator[StoreSettings]:
    """A real MinIO on a free port, for the length of the block."""
    binary = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nowhere")) / "minio"
    if not binary.is_file():
        sys.exit("no MinIO server: set KUBEBUILDER_ASSETS to the folder of the binary `minio`")
    settings = StoreSettings(f"http://127.0.0.1:{free_port()}", "bench", secrets.token_hex(16))
    keys = {"MINIO_ROOT_USER": settings.access_key, "MINIO_ROOT_PASSWORD": settings.secret_key, "MINIO_BROWSER": "off"}
    with (folder / "minio.log").open("wb") as log:
        command = [str(binary), "server", str(folder / "data"), "--address", settings.endpoint.removeprefix("http://")]
        server = subprocess.Popen(command, env={**os.environ, **keys, "HOME": str(folder)}, stdout=log, stderr=log)
    try:
        for _ in range(300):
            try:
                connect(settings, retries=0)
                break
            except StoreError:
                time.sleep(0.1)
        yield settings
    finally:
        server.terminate()
        server.wait(30)


def measured(command: list[str], environment: Mapping[str, str]) -> Took:
    """Run a command and see what it takes."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command[:4])} failed with code {process.returncode}")
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def jobs(settings: StoreSettings) -> dict[str, Callable[[Path, str], Took]]:
    """The contenders, by name: each takes a bundle and a bucket."""
    remote = {
        "RCLONE_CONFIG_BENCH_TYPE": "s3",
        "RCLONE_CONFIG_BENCH_PROVIDER": "Minio",
        "RCLONE_CONFIG_BENCH_ENDPOINT": settings.endpoint,
        "RCLONE_CONFIG_BENCH_ACCESS_KEY_ID": settings.access_key,
        "RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY": settings.secret_key,
    }

    def python(name: str) -> Callable[[Path, str], Took]:
        return lambda folder, bucket: measured(
            [sys.executable, str(JOBS), name, str(folder), bucket], settings.environment()
        )

    def copied(folder: Path, bucket: str) -> Took:
        return measured([rclone(), "--config", "", "copy", str(folder), f"bench:{bucket}"], remote)

    def checked(folder: Path, bucket: str) -> Took:
        first = copied(folder, bucket)
        command = [
            rclone(),
            "--config",
            "",
            "check",
            "--download",
            str(folder),
            f"bench:{bucket}",
            "--log-level",
            "ERROR",
        ]
        then = measured(command, remote)
        return Took(first.seconds + then.seconds, first.cpu + then.cpu, max(first.peak_mb, then.peak_mb))

    return {"headrace": python("headrace"), "rclone": copied, "boto3": python("boto3"), "rclone and check": checked}


def compare(name: str, folder: Path, settings: StoreSettings, *, runs: int, data: Path) -> dict[str, list[Took]]:
    """Let each contender publish a bundle, in turn and into a bucket of its own each time."""
    found: dict[str, list[Took]] = {}
    for number in range(runs):
        for who, job in jobs(settings).items():
            bucket = f"{name}-{who.replace(' ', '-')}-{number}"
            took = job(folder, bucket)
            found.setdefault(who, []).append(took)
            print(f"  {name}, run {number + 1}: {who:<18}{took.seconds:>7.2f} s", flush=True)
            # The disk is to hold one copy at a time; the server finds an empty folder in place of a full bucket.
            shutil.rmtree(data / bucket)
    return found


def _median(runs: list[Took], what: str) -> float:
    return statistics.median(getattr(one, what) for one in runs)


def show(name: str, found: dict[str, list[Took]]) -> float:
    """The table for people; gives the best peer's time beside Headrace's, the median over runs."""
    print(f"\n  {name:<20}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}   medians of {len(found['headrace'])}")
    for who, runs in found.items():
        print(f"  {who:<20}" + "".join(f"{_median(runs, what):>10.2f}" for what in ("seconds", "cpu", "peak_mb")))
    rounds = zip(found["headrace"], *(found[peer] for peer in PEERS), strict=True)
    ratios = [min(one.seconds for one in peers) / own.seconds for own, *peers in rounds]
    print(f"  best peer / headrace: {', '.join(f'{ratio:.2f}' for ratio in ratios)} (goal at least {GOALS[name]})")
    return statistics.median(ratios)


def main() -> None:
    """Compare, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--files", type=int, default=10_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        home = Path(scratch)
        bundles = {"big": big(home / "big", chosen.mebibytes), "small": small(home / "small", chosen.files)}
        quarter = big(home / "quarter", max(64, chosen.mebibytes // 4))
        with minio(home) as settings:
            found = {
                name: compare(name, folder, settings, runs=chosen.runs, data=home / "data")
                for name, folder in bundles.items()
            }
            less = jobs(settings)["headrace"](quarter, "quarter")
    ratios: dict[str, Any] = {name: round(show(name, runs), 2) for name, runs in found.items()}
    ratios["memory_growth"] = round(_median(found["big"]["headrace"], "peak_mb") / less.peak_mb, 2)
    ratios["peak_mb"] = round(_median(found["big"]["headrace"], "peak_mb"))
    print(f"\n  memory: {ratios['peak_mb']} MB for the big file, {less.peak_mb:.0f} MB for a quarter of it")
    met = ratios["big"] >= GOALS["big"] and ratios["small"] >= GOALS["small"]
    met = met and ratios["memory_growth"] <= GOALS["memory_growth"]
    print(json.dumps({"benchmark": "publish", "ratios": ratios, "goals": GOALS, "met": met}))


if __name__ == "__main__":
    main()

"""CPU time of lists, searches and pages over 10,000 versions and 100,000 tables, beside an earlier commit, by turns.

``make bench NAME=registry ARGS="--before COMMIT"`` makes a large registry and a large catalogue by rows
(``registry_rows``, ``catalog_rows``; it first proves on small ones that real calls give the same rows), and runs each
command with both commits. The least of several runs counts: CPU time beyond the start of the interpreter and imports,
which must stay below 100 ms, and that of the whole process. ``--server`` asks a real MLflow server over the same file.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import catalog_rows
import registry_rows
from earlier import Cost, checked_out, measure, program

from headrace.core.runtime.processes import free_port
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog.database import CatalogDatabase
from tests.made_bundle import copy_bundle
from tests.real import peers

GOAL_SECONDS, GOAL_BYTES = 0.1, 2_000_000
MODEL = "orders"
_REGISTRY, _CATALOG = ("--registry", "HOME/registry.db"), ("--catalog", "HOME/catalog.db")
CASES: dict[str, tuple[str, ...]] = {
    "registry list": ("registry", "list", *_REGISTRY),
    "registry show": ("registry", "show", MODEL, *_REGISTRY),
    "registry history": ("registry", "history", MODEL, *_REGISTRY),
    "registry show --html": ("registry", "show", MODEL, "--html", "HOME/show.html", *_REGISTRY, *_CATALOG),
    "lineage": ("lineage", MODEL, "-o", "HOME/lineage.html", *_REGISTRY, *_CATALOG),
    "catalog list": ("catalog", "list", *_CATALOG),
    "catalog list --expired": ("catalog", "list", "--expired", *_CATALOG),
    "catalog show": ("catalog", "show", "orders-0", *_CATALOG),
    "catalog search churn": ("catalog", "search", "churn", *_CATALOG),
    "catalog search e-mail_77": ("catalog", "search", "e-mail_77", *_CATALOG),
    "catalog search, two words": ("catalog", "search", "churn", "amount", *_CATALOG),
    "catalog search --tag --type": ("catalog", "search", "--tag", "gold", "--type", "timestamp", *_CATALOG),
    "catalog search --owner": ("catalog", "search", "--owner", "team 12", *_CATALOG),
}
# A page draws figures, and a server sends a model's whole history: their time is told, and is no goal.
_NO_GOAL = ("registry show --html",)


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default="main", help="The earlier commit.")
    parser.add_argument(
        "--versions", type=int, default=10_000, help="Versions: nine tenths of one model, the rest of others."
    )
    parser.add_argument("--tables", type=int, default=100_000, help="Tables of the catalogue.")
    parser.add_argument("--runs", type=int, default=5, help="Runs of each command.")
    parser.add_argument("--server", action="store_true", help="Ask an MLflow server over the same file too.")
    parser.add_argument("--folder", type=Path, help="Folder where the databases are made once and kept.")
    parser.add_argument("--only", default="", help="Only commands whose names begin so, such as 'catalog'.")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-bench-")))
        make(home, options.versions, options.tables)
        links = [stack.enter_context(checked_out(commit)) for commit in (options.before, "")]
        cases = {title: arguments for title, arguments in CASES.items() if title.startswith(options.only)}
        found = {title: by_turns(arguments, links, home, options.runs) for title, arguments in cases.items()}
        if options.server:
            url = stack.enter_context(server(home / "now" / "registry.db", home))
            for title in ("registry list", "registry show"):
                arguments = tuple(word.replace("HOME/registry.db", url) for word in CASES[title])
                found[f"{title}, server"] = by_turns(arguments, links, home, options.runs)
    judge(found)


def make(home: Path, versions: int, tables: int) -> None:
    """Make a small and a large registry and catalogue, in the earlier schema and in that of now."""
    if (home / "now").exists():
        return
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as scratch:
        rows = registry_rows.compare_with_calls(Path(scratch)) + catalog_rows.compare_with_calls(Path(scratch))
        print(f"{rows} rows of small ones are the same by real calls and by copies of rows.", flush=True)
        bundle = copy_bundle(Path(scratch) / "bundle").folder
        others = versions // 50
        large = {MODEL: versions - 5 * others, **{f"model-{number}": 5 for number in range(others)}}
        for name, models, count in (("small", {MODEL: 30, "model-0": 5}, 100), ("before", large, tables)):
            (home / name).mkdir(parents=True)
            catalog_rows.catalog_by_rows(home / name / "catalog.db", tables=count, models=models)
            registry_rows.register_by_rows(home / name / "registry.db", models, bundle=bundle, scratch=home / name)
    part = home / "now.part"
    shutil.copytree(home / "before", part)
    began, cpu = time.perf_counter(), time.process_time()
    with CatalogDatabase(catalog_location(str(part / "catalog.db"))).reading():
        pass
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    sizes = [(home / name / "catalog.db").stat().st_size / 1e6 for name in ("before", "now.part")]
    print(f"The catalogue's migration took {took:.1f} s ({cpu:.1f} of CPU); {sizes[0]:.0f} MB became {sizes[1]:.0f}.")
    shutil.copytree(home / "small", home / "small-now")
    part.rename(home / "now")


def by_turns(arguments: tuple[str, ...], links: list[Path], home: Path, runs: int) -> dict[str, Any]:
    """Return what a command took with each commit: ``cpu`` of the work, ``whole`` of the process, bytes of a page."""
    found: list[dict[str, Any]] = [{"cpu": 1e9, "whole": 1e9}, {"cpu": 1e9, "whole": 1e9}]
    places = (
        (home / "small", home / "before", "headrace.cli.main"),
        (home / "small-now", home / "now", "headrace.cli.start"),
    )
    for _ in range(runs):
        for kept, its_links, (small, large, module) in zip(found, links, places, strict=True):
            probe = [sys.executable, str(Path(__file__).with_name("registry_probe.py")), str(small), str(large)]
            told = json.loads(
                subprocess.run([*probe, str(its_links), *arguments], check=True, capture_output=True).stdout
            )
            whole: Cost = measure(program(its_links, module, [word.replace("HOME", str(large)) for word in arguments]))
            kept.update({**told, "cpu": min(kept["cpu"], told["cpu"]), "whole": min(kept["whole"], whole.cpu)})
    before, now = found
    print(
        f"{' '.join(arguments[:2]):<18} {' '.join(arguments[2:4])[:28]:<28} before {before['cpu']:7.3f} s of "
        f"{before['whole']:7.3f}, now {now['cpu']:6.3f} s of {now['whole']:6.3f}"
        + (f"; page {before['page']:,} and {now['page']:,} bytes" if "page" in now else ""),
        flush=True,
    )
    return {"before": before, "now": now}


@contextlib.contextmanager
def server(registry: Path, home: Path) -> Iterator[str]:
    """Run a real MLflow server over a registry's file."""
    programs = peers.environment("mlflow") / "bin"
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{registry}", "--artifacts-destination", str(home / "artifacts")]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
                break
            time.sleep(0.5)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        process.wait(60)


def judge(found: dict[str, dict[str, Any]]) -> None:
    """Print a line of JSON, and end with exit code 1 unless the goals are met."""
    slow = [
        title
        for title, its in found.items()
        if title not in _NO_GOAL and "server" not in title and its["now"]["cpu"] > GOAL_SECONDS
    ]
    large = [title for title, its in found.items() if its["now"].get("page", 0) > GOAL_BYTES]
    print(json.dumps({"benchmark": "registry", "found": found, "above 100 ms": slow, "above 2 MB": large}))
    sys.exit(1 if slow or large else 0)


if __name__ == "__main__":
    main()

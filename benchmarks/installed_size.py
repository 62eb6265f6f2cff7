"""Megabytes of each installed package of a lock, and what each direct dependency alone brings.

``make bench NAME=installed_size`` reads ``requirements/run.lock`` and counts the files that the installed packages have
recorded, with their compiled modules, on the disk's blocks.
"""

import json
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
GOAL = 0.7
_LISTED = 24


def main() -> None:
    """Print the largest packages, and what would go with each direct dependency."""
    names = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", _lock(), re.MULTILINE)}
    sizes = {name: _megabytes(name) for name in names}
    needs = {name: _needs(name) & names for name in names}
    direct = _needs("headrace") & names
    total = sum(sizes.values())
    print(f"{len(names)} packages, {total:,.0f} MB; the goal is {GOAL} of it, {GOAL * total:,.0f} MB\n\npackage: MB")
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:_LISTED]:
        print(f"  {name:<28} {size:7.1f}")
    print("\ndirect dependency: MB that only it brings (what comes with it)")
    alone = {name: _reached(direct, needs) - _reached(direct - {name}, needs) for name in direct}
    brought = {name: sum(sizes[other] for other in others) for name, others in alone.items()}
    for name in sorted(alone, key=lambda name: -brought[name]):
        if brought[name] >= 5:
            others = sorted(alone[name] - {name}, key=lambda other: -sizes[other])
            print(f"  {name:<28} {brought[name]:7.1f}  {', '.join(others[:6])}")
    print(
        json.dumps(
            {
                "benchmark": "installed_size",
                "megabytes": round(total),
                "brought": {n: round(s) for n, s in brought.items()},
            }
        )
    )


def _lock() -> str:
    return (REPOSITORY / "requirements" / "run.lock").read_text()


def _megabytes(name: str) -> float:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return 0.0  # another platform's
    paths = {Path(str(file.locate())) for file in files}
    compiled = {
        path for file in paths if file.suffix == ".py" for path in (file.parent / "__pycache__").glob(f"{file.stem}.*")
    }
    return sum(path.stat().st_blocks * 512 for path in paths | compiled if path.is_file()) / 1e6


def _needs(name: str) -> set[str]:
    """Return the packages that one needs on this platform, without extras."""
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return set()
    wanted = (Requirement(text) for text in texts)
    return {canonicalize_name(it.name) for it in wanted if it.marker is None or it.marker.evaluate({"extra": ""})}


def _reached(start: Iterable[str], needs: dict[str, set[str]]) -> set[str]:
    """Return all packages that come with some."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs[name]
    return found


if __name__ == "__main__":
    main()

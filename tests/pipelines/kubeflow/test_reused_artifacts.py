"""What a run took from an earlier one is found by what its own steps were given."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace.cluster.kfp import pipeline_spec
from headrace.pipelines.kubeflow.artifacts import RunArtifacts
from headrace.pipelines.kubeflow.reused_artifacts import find_prefixes
from headrace.stores.objects.listing import StoredObject
from tests.conftest import REPOSITORY

COMPILED = REPOSITORY / "pipelines" / "compiled"
NOW, BEFORE, SALT, OTHER = (f"{digit * 8}-0000-0000-0000-000000000000" for digit in "1234")
HOME = f"v2/artifacts/headrace-training/{NOW}/"
EARLIER = f"v2/artifacts/headrace-training/{BEFORE}/"


def _log(*keys: str) -> str:
    """What a step prints first."""
    given = {
        "inputs": {"artifacts": {str(place): {"uri": f"minio://mlpipeline/{key}"} for place, key in enumerate(keys)}}
    }
    return f"Got executor_input:\n{json.dumps(given, indent=4)}\nheadrace: report: done\n"


@dataclass
class Bucket:
    """Objects by key; only what is asked here."""

    objects: dict[str, str]

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Those below a prefix."""
        yield from (StoredObject(key, len(text)) for key, text in self.objects.items() if key.startswith(prefix))

    def get_bytes(self, key: str, _limit: int) -> bytes:
        """One of them."""
        return self.objects[key].encode()

    def get_file(self, key: str, path: Path) -> None:
        """One of them, as a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.objects[key])


def test_addresses_of_other_runs_are_found_in_logs() -> None:
    """By the task that left them; the run's own, and those of other pipelines, are not meant."""
    log = _log(f"{EARLIER}package/{SALT}/bundle", f"{HOME}gate/{SALT}/verdict", f"v2/other/{BEFORE}/tune/{SALT}/trials")
    assert find_prefixes([log], home=HOME) == {"package": f"{EARLIER}package/{SALT}/"}


@pytest.mark.parametrize("log", ["executor-logs"])
def test_what_was_taken_is_fetched_with_the_rest(tmp_path: Path, log: str) -> None:
    """Whole folders and all artifacts of a task, and no tables; a task that ran here has its own."""
    objects = {
        f"{HOME}report/{OTHER}/{log}": _log(
            f"{EARLIER}package/{SALT}/bundle", f"{EARLIER}ingest/{SALT}/table", f"{EARLIER}gate/{SALT}/verdict"
        ),
        f"{HOME}report/{OTHER}/report": "<html>",
        f"{HOME}gate/{OTHER}/verdict": "new",
        f"{EARLIER}gate/{SALT}/verdict": "old",
        f"{EARLIER}package/{SALT}/bundle/manifest.json": "{}",
        f"{EARLIER}package/{SALT}/card": "# card",
        f"{EARLIER}ingest/{SALT}/table/part-0.parquet": "rows",
        f"{EARLIER}tune/{SALT}/trials": "not told of",
    }
    store: Any = Bucket(objects)
    found = RunArtifacts(store, HOME, pipeline_spec.read(COMPILED / "training.yaml"))
    assert found.fetch(tmp_path) == {"report", "gate", "package", "ingest"}
    left = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert {key.partition("/")[2].partition("/")[2]: text for key, text in left.items() if "logs" not in key} == {
        "report/report": "<html>",
        "gate/verdict": "new",
        "package/bundle/manifest.json": "{}",
        "package/card": "# card",
    }

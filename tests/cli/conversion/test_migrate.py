"""``headrace migrate`` as a person types it."""

import json
from pathlib import Path

import pytest

import headrace.api as hr
from tests.conftest import headrace
from tests.migration.samples import copy_sample


def test_a_folder_is_migrated_and_reported(tmp_path: Path) -> None:
    """Exit code 3 and a last line that helps where something remains; the report has each line."""
    (tmp_path / "old").mkdir()
    for name in ("train-classifier.yaml", "volumes.py"):
        copy_sample(name, tmp_path / "old")
    new, report = tmp_path / "new", tmp_path / "report.json"
    done = headrace("migrate", str(tmp_path / "old"), "-o", str(new), "--report", str(report))
    assert done.returncode == 3, done.stderr
    assert (
        f"train-classifier.yaml -> {new}/train_classifier_component.py, {new}/train-classifier.yaml: complete"
        in done.stdout
    )
    assert "  line 6, by hand: load_component_from_url: what is at the address was not read" in done.stdout
    assert (
        done.stdout.splitlines()[-1]
        == f"Next: do what remains; grep -n 'TODO(kfp2)' {new}/volumes.py shows the places in pipelines"
    )
    written = json.loads(report.read_text())
    assert not written["complete"]
    component, pipeline = sorted(written["files"], key=lambda one: one["form"])
    assert component["complete"]
    assert component["written"] == [str(new / "train_classifier_component.py"), str(new / "train-classifier.yaml")]
    assert {difference["line"] for difference in pipeline["differences"] if difference["kind"] == "remains"} >= {
        3,
        6,
        18,
        19,
        27,
    }
    again = headrace("migrate", str(tmp_path / "old"), "-o", str(new), "--report", str(report))
    assert again.returncode == 2
    assert "exists; choose another path" in again.stderr


def test_what_is_complete_ends_with_zero(tmp_path: Path) -> None:
    """The new files stand beside the old one; texts are kept if that is asked for."""
    path = copy_sample("train-classifier.yaml", tmp_path)
    done = headrace("migrate", str(path), "--keep-text")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("Next: read what changed, compile")
    assert 'learning_rate: str = "0.3"' in (tmp_path / "train_classifier_component_v2.py").read_text()
    assert {one.name for one in tmp_path.iterdir()} == {
        "train-classifier.yaml", "train-classifier.v2.yaml", "train_classifier_component_v2.py",
    }  # fmt: skip


def test_a_file_of_another_kind_is_one_sentence(tmp_path: Path) -> None:
    """With exit code 2, and nothing is written."""
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\n")
    done = headrace("migrate", str(tmp_path / "pod.yaml"), "--report", str(tmp_path / "r.json"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"headrace: {tmp_path}/pod.yaml is a Kubernetes object ('Pod'), not a v1 component file.\n"
    assert [one.name for one in tmp_path.iterdir()] == ["pod.yaml"]


def test_the_library_does_the_same(tmp_path: Path) -> None:
    """With one path or several."""
    path = copy_sample("add-numbers.yaml", tmp_path)
    report = hr.migrate(path, folder=tmp_path / "one")
    assert report.complete
    assert hr.migrate([str(path)], folder=tmp_path / "two").complete
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.read_text() for path in one] == [path.read_text() for path in two]
    with pytest.raises(hr.InputError, match="exists"):
        hr.migrate(path, folder=tmp_path / "one")

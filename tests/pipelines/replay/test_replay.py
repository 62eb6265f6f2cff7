"""A bundle made again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.files import write_json, write_text
from headrace.core.bundles import integrity, manifest
from headrace.core.bundles.bundle import Bundle, open_bundle
from headrace.core.packaging.environment import environment
from headrace.core.packaging.provenance_document import Provenance
from headrace.pipelines.definitions.option_fields import option_fields
from headrace.pipelines.definitions.training_options import TrainingOptions
from headrace.pipelines.replay.arguments import pipeline_arguments
from headrace.pipelines.replay.checks import ReplayOptions, check_source, check_versions, find_source
from headrace.pipelines.replay.replay import compare_bundles
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.catalog.writes import ObservedTable, add_table
from tests.conftest import Line, headrace


def _edited(bundle: Path, folder: Path, **changes: Any) -> Bundle:
    """A copy whose papers say something else."""
    shutil.copytree(bundle, folder)
    papers = json.loads((folder / "provenance.json").read_text())
    write_json(folder / "provenance.json", {**papers, **changes})
    name = manifest.read(folder).name
    (folder / manifest.MANIFEST).unlink()
    write_text(folder / manifest.MANIFEST, integrity.make(folder, name).dumps())
    return open_bundle(folder)


def _papers(line: Line) -> dict[str, Any]:
    return dict(json.loads((line.home / "bundle" / "provenance.json").read_text()))


def _provenance(line: Line) -> Provenance:
    return Provenance.from_json(_papers(line))


def _replay(line: Line, model: Path, *more: str) -> Any:
    return headrace("replay", str(model), "--catalog", str(line.home / "catalog.db"), *more)


@pytest.mark.timeout(600)
def test_a_replay_gives_the_same_bundle(line: Line) -> None:
    """From the bundle alone, with the table where the catalogue says: the same digest, and nothing else is touched."""
    before = {path: path.read_bytes() for path in line.home.glob("*.*") if path.is_file()}
    ended = _replay(line, line.home / "bundle")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    digest = open_bundle(line.home / "bundle").digest
    assert f"The same: {digest}" in ended.stdout
    assert {path: path.read_bytes() for path in line.home.glob("*.*") if path.is_file()} == before


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("step", "change"), [("split", {"seed": 7}), ("tune", {"families": ["naive_bayes"]})])
def test_the_first_step_that_gives_something_else_is_named(
    line: Line, tmp_path: Path, step: str, change: dict[str, Any]
) -> None:
    """Papers that tell of another argument lead to another model; the step is named, and the exit code is 1."""
    arguments = _papers(line)["arguments"]
    edited = _edited(
        line.home / "bundle", tmp_path / "bundle", arguments={**arguments, step: {**arguments[step], **change}}
    )
    moved = shutil.copy(line.table, tmp_path / "moved.csv")
    kept = tmp_path / "kept"
    ended = _replay(line, edited.folder, "--source", str(moved), "--output", str(kept))
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert f"the first step with another result is {step}" in ended.stdout
    assert open_bundle(kept).digest in ended.stdout


def test_a_table_that_has_changed_is_told(line: Line, tmp_path: Path) -> None:
    """One byte more is another table: nothing is run."""
    other = tmp_path / "customers.csv"
    other.write_bytes(line.table.read_bytes() + b"50,1.00,plus,2024-01-01 00:15:00,no\n")
    ended = _replay(line, line.home, "--source", str(other))
    assert ended.returncode == 2
    assert "it has changed since" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "ingest" not in ended.stdout


def test_a_table_that_is_gone_is_told(line: Line, tmp_path: Path) -> None:
    """The sentence names what the papers name, where it was, and the option that helps."""
    table = _provenance(line).table
    with pytest.raises(MissingError, match=r"'customers\.csv' of digest .* cannot be found: give it"):
        find_source(table, ReplayOptions(catalog=str(tmp_path / "none.db")))
    database = CatalogDatabase(catalog_location(str(tmp_path / "catalog.db")))
    add_table(database, ObservedTable(str(tmp_path / "gone.csv"), table.digest))
    with pytest.raises(MissingError, match=r"which was .*gone\.csv"):
        find_source(table, ReplayOptions(catalog=str(tmp_path / "catalog.db")))


def test_the_table_is_found_by_its_digest(line: Line, tmp_path: Path) -> None:
    """An option comes first, then a remote address of the papers, then the catalogue."""
    table = _provenance(line).table
    known = str(line.home / "catalog.db")
    assert find_source(table, ReplayOptions(catalog=known)) == str(line.table)
    assert find_source(table, ReplayOptions(source="x.csv", catalog=known)) == "x.csv"
    assert find_source(replace(table, source="s3://lake/t.csv"), ReplayOptions(catalog=known)) == "s3://lake/t.csv"
    check_source(str(line.table), table, _papers(line)["arguments"])


def test_other_versions_are_told() -> None:
    """Each difference is named, unless it is to be passed over."""
    then = environment()
    check_versions(then, ignore_versions=False)
    then["packages"] = {**then["packages"], "numpy": "1.0"}
    then["python"] = "3.9.1"
    with pytest.raises(InputError, match=r"python 3\.9\.1 \(here .*numpy 1\.0 \(here .*give --ignore-versions"):
        check_versions(then, ignore_versions=False)
    check_versions(then, ignore_versions=True)


def test_papers_without_arguments_are_told(line: Line, tmp_path: Path) -> None:
    """A bundle that was packed by hand, or long ago, cannot be replayed."""
    papers = _papers(line)
    folder = tmp_path / "bundle"
    _edited(line.home / "bundle", folder)
    text = json.loads((folder / "provenance.json").read_text())
    del text["arguments"]
    write_json(folder / "provenance.json", text)
    (folder / manifest.MANIFEST).unlink()
    write_text(folder / manifest.MANIFEST, integrity.make(folder, "customers").dumps())
    ended = _replay(line, folder)
    assert ended.returncode == 2
    assert "does not record the arguments" in ended.stderr
    assert "arguments" in papers


def test_the_same_bundle_is_the_same(line: Line, tmp_path: Path) -> None:
    """Bundles are compared by digest, then by step, then by file."""
    own = open_bundle(line.home / "bundle")
    assert compare_bundles(own, own).same
    steps = {**_papers(line)["steps"], "train": "0" * 64, "gate": "0" * 64}
    other = compare_bundles(own, _edited(own.folder, tmp_path / "a", steps=steps))
    assert (other.same, other.step, other.files) == (False, "train", ("provenance.json",))
    unknown = compare_bundles(_edited(own.folder, tmp_path / "b", steps={}), own)
    assert unknown.step == ""


def test_arguments_come_back_as_the_pipeline_takes_them(line: Line, tmp_path: Path) -> None:
    """Those of the run are put together from those of its steps; an Experiment's text becomes a file again."""
    bundle = open_bundle(line.home / "bundle")
    provenance = _provenance(line)
    steps: dict[str, Any] = {step: dict(values) for step, values in (provenance.arguments or {}).items()}
    provenance = replace(provenance, arguments=steps)
    found = pipeline_arguments(provenance, source="t.csv", champion="", bundle=bundle, scratch=tmp_path)
    assert (found["target"], found["budget"], found["contract"], found["seed"]) == ("churn", "3", "", 0)
    steps["tune"]["experiment"] = "kind: Experiment\nmetadata: {}\n"
    steps["infer_contract"]["contract_address"] = "contract.yaml"
    found = pipeline_arguments(provenance, source="t.csv", champion="", bundle=bundle, scratch=tmp_path)
    assert Path(found["experiment"]).read_text().startswith("kind: Experiment")
    assert found["contract"] == str(bundle.folder / "contract.yaml")
    steps["gate"]["champion"] = "old-bundle"
    with pytest.raises(InputError, match="'old-bundle', whose folder is not known: give it with --champion"):
        pipeline_arguments(provenance, source="t.csv", champion="", bundle=bundle, scratch=tmp_path)
    found = pipeline_arguments(provenance, source="t.csv", champion=str(tmp_path), bundle=bundle, scratch=tmp_path)
    assert found["champion"] == str(tmp_path)


@pytest.mark.parametrize(("step", "argument"), [("ingest", "names"), ("gate", "thresholds"), ("foresee", "seed")])
def test_arguments_of_another_version_are_named(line: Line, tmp_path: Path, step: str, argument: str) -> None:
    """What this version would silently leave out is one sentence instead, before anything runs."""
    bundle, provenance = open_bundle(line.home / "bundle"), _provenance(line)
    steps = {**(provenance.arguments or {})}
    steps[step] = {**steps.get(step, {}), argument: 1}
    provenance = replace(provenance, arguments=steps)
    with pytest.raises(InputError, match=f"it names '{argument}' of '{step}', which another version of headrace has"):
        pipeline_arguments(provenance, source="t.csv", champion="", bundle=bundle, scratch=tmp_path)


def test_what_a_run_records_are_options_by_their_names(line: Line, tmp_path: Path) -> None:
    """Each recorded argument comes back as an option; what a text must not contain on the way is escaped."""
    bundle, provenance = open_bundle(line.home / "bundle"), _provenance(line)
    steps: dict[str, Any] = {step: dict(values) for step, values in (provenance.arguments or {}).items()}
    steps["ingest"]["drop_columns"] = ["python3"]
    steps["gate"]["metric_bounds"] = {"roc_auc": 0.5}
    provenance = replace(provenance, arguments=steps)
    found = pipeline_arguments(provenance, source="t.csv", champion="", bundle=bundle, scratch=tmp_path)
    assert set(found) <= set(option_fields(TrainingOptions))
    assert found["drop_columns"] == ['"python\\u0033"']
    assert found["metric_bounds"] == {"roc_auc": 0.5}
    assert not found["include_data"]

"""Files and folders of v1: what becomes of each, and what is refused."""

import gzip
import importlib.util
import os
import pickle
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from kfp import compiler, components

from headrace.core.base.errors import InputError, MissingError
from headrace.migration.migrate import migrate_files
from tests.migration.samples import COMPONENTS, PIPELINES, copy_sample, expected


def load(path: Path) -> ModuleType:
    """Run a Python file as a module; KFP reads the source of its functions."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return module


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_becomes_the_expected_files(name: str, tmp_path: Path) -> None:
    """The Python file word for word; the compiled one is what KFP 2 makes of it, and loads."""
    report = migrate_files([copy_sample(name, tmp_path)], folder=tmp_path / "v2")
    assert report.complete
    python = tmp_path / "v2" / name.replace("-", "_").replace(".yaml", "_component.py")
    assert python.read_text() == expected(python.name)
    loaded = components.load_component_from_file(str(tmp_path / "v2" / name))
    function = getattr(load(python), loaded.name.replace("-", "_"))
    compiler.Compiler().compile(function, str(tmp_path / "again.yaml"))
    again, written = (yaml.safe_load(path.read_text()) for path in (tmp_path / "again.yaml", tmp_path / "v2" / name))
    assert again == written
    assert loaded.description == function.description


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_becomes_the_expected_file(name: str, tmp_path: Path) -> None:
    """Comments and form are kept, and each place that remains is marked and reported."""
    report = migrate_files([copy_sample(name, tmp_path)], folder=tmp_path / "v2")
    text = (tmp_path / "v2" / name).read_text()
    assert text == expected(name)
    remaining = {difference.what for difference in report.migrations[0].differences if difference.kind == "remains"}
    assert all(f"# TODO(kfp2): {what}:" in text for what in remaining)
    assert report.complete == (not remaining) == ("TODO" not in text)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_pipeline_that_is_complete_compiles(tmp_path: Path) -> None:
    """By KFP 2, with the settings that v1 had."""
    path = copy_sample("pipeline.py", tmp_path)
    migrate_files([path])
    compiler.Compiler().compile(load(tmp_path / "pipeline_v2.py").nightly, str(tmp_path / "nightly.yaml"))
    spec, platform = yaml.safe_load_all((tmp_path / "nightly.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-read-rows"]["nodeSelector"] == {"labels": {"pool": "größe"}}
    assert executors["exec-train"]["imagePullPolicy"] == "Always"
    assert executors["exec-train"]["secretAsEnv"][0]["keyToEnv"][0]["envVar"] == "KEY"
    train = spec["deploymentSpec"]["executors"]["exec-train"]["container"]
    assert train["env"] == [{"name": "STAGE", "value": "night"}]
    resources = spec["deploymentSpec"]["executors"]["exec-read-rows"]["container"]["resources"]
    assert resources["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert spec["root"]["dag"]["tasks"]["train"]["cachingOptions"] == {}


def test_no_line_of_a_pipeline_is_run(tmp_path: Path) -> None:
    """Whatever it does when it is imported or compiled."""
    path = tmp_path / "evil.py"
    path.write_text(f"import kfp\nfrom kfp.dsl import Condition\nopen({str(tmp_path / 'ran')!r}, 'w')\n")
    migrate_files([path])
    assert not (tmp_path / "ran").exists()


def test_texts_of_a_component_do_not_become_code(tmp_path: Path) -> None:
    """The file that is made is run to be compiled, so names and texts are literals there."""
    mark = tmp_path / "ran"
    evil = f'""" + str(open({str(mark)!r}, \'w\')) + """ \' \\ # \n)'
    text = {
        "name": evil,
        "description": evil + "\\",
        "inputs": [{"name": evil, "description": evil, "default": evil}],
        "outputs": [{"name": evil + "2", "description": evil}],
        "implementation": {
            "container": {
                "image": evil,
                "command": [evil, {"inputValue": evil}, {"outputPath": evil + "2"}],
                "env": {"A'\"": evil},
            }
        },
    }
    path = tmp_path / "evil.yaml"
    path.write_text(yaml.safe_dump(text))
    report = migrate_files([path], folder=tmp_path / "v2")
    assert report.complete
    spec = yaml.safe_load((tmp_path / "v2" / "evil.yaml").read_text())
    (executor,) = spec["deploymentSpec"]["executors"].values()
    assert executor["container"]["command"][0] == evil
    assert not mark.exists()


def test_a_folder_is_searched(tmp_path: Path) -> None:
    """Files of v1 keep their places; others are left alone, a broken one is named, hidden ones are not read."""
    (tmp_path / "old" / "train").mkdir(parents=True)
    copy_sample("add-numbers.yaml", tmp_path / "old" / "train")
    copy_sample("pipeline.py", tmp_path / "old")
    (tmp_path / "old" / "values.yaml").write_text("{{ helm }}\n")
    (tmp_path / "old" / "other.py").write_text("print 'two'\n")
    (tmp_path / "old" / "broken.yaml").write_text("implementation: 5\n")
    for hidden in (".git", "environment"):
        (tmp_path / "old" / hidden).mkdir()
        (tmp_path / "old" / hidden / "broken.yaml").write_text("implementation: 5\n")
    (tmp_path / "old" / "environment" / "pyvenv.cfg").touch()
    report = migrate_files([tmp_path / "old"], folder=tmp_path / "new")
    assert sorted(str(path.relative_to(tmp_path)) for one in report.migrations for path in one.files) == [
        "new/pipeline.py",
        "new/train/add-numbers.yaml",
        "new/train/add_numbers_component.py",
    ]
    assert {path.name for path, _ in report.skipped} == {"values.yaml", "other.py"}
    assert [path.name for path, _ in report.failed] == ["broken.yaml"]
    assert not report.complete


def test_what_was_migrated_is_not_migrated_again(tmp_path: Path) -> None:
    """A compiled component is refused, a Python file has nothing to change."""
    copy_sample("add-numbers.yaml", tmp_path)
    copy_sample("pipeline.py", tmp_path)
    migrate_files([tmp_path], folder=tmp_path / "v2")
    with pytest.raises(InputError, match="compiled for KFP v2 already"):
        migrate_files([tmp_path / "v2" / "add-numbers.yaml"])
    again = migrate_files([tmp_path / "v2" / "pipeline.py", tmp_path / "v2" / "add_numbers_component.py"])
    assert [(one.form, one.files) for one in again.migrations] == [("none", {}), ("none", {})]


def test_nothing_is_replaced_unless_it_is_asked_for(tmp_path: Path) -> None:
    """A file that exists stops all; with ``overwrites`` the old files are replaced."""
    path = copy_sample("add-numbers.yaml", tmp_path)
    other = copy_sample("train-classifier.yaml", tmp_path)
    (tmp_path / "train-classifier.v2.yaml").write_text("mine")
    with pytest.raises(InputError, match=r"train-classifier\.v2\.yaml exists; .* --overwrite"):
        migrate_files([path, other])
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, "train-classifier.v2.yaml", other.name]
    migrate_files([path], overwrites=True)
    assert "pipelineInfo" in path.read_text()


def test_two_files_do_not_become_one(tmp_path: Path) -> None:
    """Files of equal names from two folders are refused."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        copy_sample("add-numbers.yaml", tmp_path / name)
    with pytest.raises(InputError, match="would both become"):
        migrate_files([tmp_path / "a" / "add-numbers.yaml", tmp_path / "b" / "add-numbers.yaml"], folder=tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"a", "b"}


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pipeline.yaml", "a: 1")


_BAD = {
    "zip.yaml": (_zip, "a zip archive; a pipeline that the v1 SDK compiled"),
    "gzip.yaml": (lambda path: path.write_bytes(gzip.compress(b"x")), "a gzip archive"),
    "pickle.py": (lambda path: path.write_bytes(pickle.dumps([1])), "a pickle, which is never opened"),
    "large.yaml": (lambda path: path.write_bytes(b"a" * (2 << 20)), "at most 1 MiB; it is larger"),
    "empty.yaml": (lambda path: path.touch(), "it is empty"),
    "list.yaml": (lambda path: path.write_text("[1]"), "it is a list"),
    "latin.yaml": (lambda path: path.write_bytes(b"name: gr\xfc\xdfe"), "YAML in UTF-8; byte 8 is not"),
    "tab.yaml": (lambda path: path.write_text("a:\n\t- b"), "must be YAML; line 2"),
    "twice.yaml": (lambda path: path.write_text("a: 1\na: 2"), "must give each key once, as plain text; line 1"),
    "month.yaml": (lambda path: path.write_text("a: 2020-13-01"), "holds a value that cannot be read"),
    "several.yaml": (lambda path: path.write_text("a: 1\n---\nb: 1"), "it holds several"),
    "tag.yaml": (lambda path: path.write_text("a: !!python/name:os.system ''"), "could not determine a constructor"),
    "deep.yaml": (lambda path: path.write_text("[" * 90_000), "nested deeper"),
    "long.yaml": (lambda path: path.write_text("[" + "1," * 200_000), "nested deeper or holds more values"),
    "bomb.yaml": (
        lambda path: path.write_text(
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{new}: &{new} [{','.join(9 * ['*' + old])}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
            )
        ),
        "with its aliases expanded",
    ),
    "loop.yaml": (lambda path: path.write_text("a: &a [*a]"), "with its aliases expanded"),
    "argo.yaml": (
        lambda path: path.write_text("apiVersion: argoproj.io/v1alpha1\nkind: Workflow"),
        "an Argo Workflow, which the v1 SDK compiled from a pipeline; migrate the pipeline's Python file",
    ),
    "pod.yaml": (lambda path: path.write_text("apiVersion: v1\nkind: Pod"), r"a Kubernetes object \('Pod'\)"),
    "v2.yaml": (lambda path: path.write_text("pipelineInfo: {name: a}"), "compiled for KFP v2 already"),
    "other.yaml": (lambda path: path.write_text("b: 1\na: 2"), "with `implementation`; it has a, b"),
    "two.py": (lambda path: path.write_text("import kfp\nprint 'two'"), "must be Python 3; line 2"),
    "latin.py": (lambda path: path.write_bytes(b"import kfp # \xfc"), "Python in UTF-8; byte 13 is not"),
    "nested.py": (lambda path: path.write_text("import kfp\n" + "(" * 5000), "must be Python 3"),
    "null.py": (lambda path: path.write_bytes(b"import kfp\x00"), "must be Python 3"),
    "none.py": (lambda path: path.write_text("import os"), "does not import kfp"),
    "book.ipynb": (lambda path: path.write_text("{}"), r"its name ends with \.ipynb"),
    "pipe.yaml": (os.mkfifo, "a device, a pipe or a broken link"),
}


@pytest.mark.parametrize("name", _BAD)
def test_what_is_none_of_v1_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    """One sentence, and nothing is written, not even of good files beside it."""
    write, sentence = _BAD[name]
    write(tmp_path / name)
    good = copy_sample("add-numbers.yaml", tmp_path)
    with pytest.raises(InputError, match=sentence):
        migrate_files([good, tmp_path / name], folder=tmp_path / "v2")
    assert not (tmp_path / "v2").exists()


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    """As everywhere."""
    with pytest.raises(MissingError, match="there is none"):
        migrate_files([tmp_path / "none.yaml"])

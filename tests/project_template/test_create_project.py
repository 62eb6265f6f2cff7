"""A project of a user's own."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest
import yaml
from packaging.requirements import Requirement
from typer.testing import CliRunner

import headrace.api as hr
from headrace.cli.main import app
from headrace.project_template.example_table import ROWS, example_table

_FILES = [
    ".github/workflows/ci.yml",
    ".gitignore",
    "README.md",
    "contract.yaml",
    "data/table.csv",
    "pipeline.py",
    "pipeline.yaml",
    "requirements.txt",
    "tests/test_project.py",
]


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without a table of one's own."""
    return hr.create_project("machines", folder=tmp_path_factory.mktemp("projects")).folder


def test_a_project_has_all_that_its_readme_names(project: Path) -> None:
    """And nothing beside it is left of making it."""
    assert _files(project) == _FILES
    assert list(project.parent.iterdir()) == [project]
    assert not [name for name in _FILES if "<<" in (project / name).read_text()]
    contract = yaml.safe_load((project / "contract.yaml").read_text())
    assert (contract["name"], contract["task"], contract["positive"]) == ("machines", "binary", "yes")
    table = pl.read_csv(project / "data" / "table.csv")
    assert (table.height, table.columns[-1]) == (ROWS, "failed")
    assert example_table() == example_table(seed=0) != example_table(seed=1)


def test_what_it_needs_is_what_made_it(project: Path) -> None:
    """The version of the suite that its contract and its pipeline are of."""
    needed = {one.name: one for one in map(Requirement, (project / "requirements.txt").read_text().split())}
    assert str(needed["headrace"].specifier) == f"=={version('headrace')}"
    assert needed["pytest"].specifier.contains(version("pytest"))


def test_its_code_is_clean(project: Path) -> None:
    """By the rules of style and of imports that most projects begin with."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F,W,B,UP",
        "--line-length",
        "120",
        ".",
    ]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_its_ci_passes(project: Path) -> None:
    """The lines of its workflow, but for the one that installs what is installed here."""
    steps = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())["jobs"]["test"]["steps"]
    lines = [step["run"] for step in steps if "run" in step]
    assert lines[0] == "python -m pip install -r requirements.txt"
    for line in lines[1:]:
        program, *arguments = line.split()
        assert program == "python"
        done = subprocess.run([sys.executable, *arguments], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        assert "4 passed" in done.stdout


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    """It is copied as it is; a name that a shell would misread is replaced, one with quotes stays what it is."""
    source, target = tmp_path / "my table; v2.csv", 'it\'s "bad" <<NAME>>'
    rows = pl.DataFrame({"x": range(60), "kind": ["a", "b"] * 30, target: ["good", "poor", "poor"] * 20})
    rows.write_csv(source)
    project = hr.create_project("own", folder=tmp_path / "new" / "folder", table=source, target=target)
    assert (project.folder / "data" / "table.csv").read_bytes() == source.read_bytes()
    assert [name for name in _files(project.folder) if name != "data/table.csv"] == sorted(
        {*_FILES} - {"data/table.csv"}
    )
    # Its tests take a row from the bundle: the table may have semicolons, or be Parquet.
    assert "read_csv" not in (project.folder / "tests" / "test_project.py").read_text()
    spec = (project.folder / "pipeline.yaml").read_text()
    defaults = next(yaml.safe_load_all(spec))["root"]["dag"]["tasks"]["infer-contract"]["inputs"]["parameters"]
    assert defaults["target"]["runtimeValue"]["constant"] == target


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Machines"], "the name of a project must be at most 40 lower-case letters, digits and dashes"),
        (["../up"], "the name of a project must be"),
        (["a" * 41], "the name of a project must be"),
        (["there"], "exists; choose another name, or another folder"),
        (["new", "--table", "rows.csv"], "a table and the column to predict belong together"),
        (["new", "--target", "y"], "a table and the column to predict belong together"),
        (["new", "--table", "absent.csv", "--target", "y"], "absent.csv must be a file with a table; there is none"),
        (["new", "--table", "large.csv", "--target", "y"], "must have at most 100 MB to be copied into a project"),
        (["new", "--table", "rows.csv", "--target", "z"], "'z'"),
    ],
)
def test_what_cannot_become_a_project_is_refused(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence, with exit code 2, and nothing is left of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "rows.csv").write_text("x,y\n1,a\n2,b\n3,a\n4,b\n")
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate(101 * 1024**2)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(hr.UserError, match=sentence):
        CliRunner().invoke(app, ["new", *arguments], catch_exceptions=False)
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_shows_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file, and what to do next."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["new", "machines"], catch_exceptions=False)
    assert done.exit_code == 0
    assert [line.strip().removeprefix("machines/") for line in done.stdout.splitlines()[:-2]] == _FILES
    assert done.stdout.splitlines()[-1] == (
        "Next: cd machines, read README.md and contract.yaml, then: python -m pytest"
    )

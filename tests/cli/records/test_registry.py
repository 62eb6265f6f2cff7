"""The commands of registry, lineage and catalogue, on what a run left."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.cli.main import app
from headrace.core.base.errors import UserError
from tests.conftest import Line, headrace


@pytest.fixture(scope="module")
def home(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the session's run, with a registry and a catalogue that these tests may change."""
    folder = tmp_path_factory.mktemp("registry")
    for path in line.home.iterdir():
        if path.name in {"registry.db", "registry-files", "catalog.db"}:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    return folder


def _run(home: Path, *command: str, code: int = 0) -> str:
    """What a command prints, or the sentence with which it fails; in this process, which has imported what it needs."""
    places = {"HEADRACE_REGISTRY": str(home / "registry.db"), "HEADRACE_CATALOG": str(home / "catalog.db")}
    ended = CliRunner(env={**places, "HEADRACE_ACTOR": "ann"}).invoke(app, command)
    if code:
        assert isinstance(ended.exception, UserError), ended.output
        assert "\n" not in str(ended.exception)
        return str(ended.exception)
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.output


_COMMANDS = ["registry list", "registry show", "registry register", "registry compare", "registry promote"]
_COMMANDS += ["registry rollback", "registry approve", "registry archive", "registry history", "registry policy"]
_COMMANDS += ["catalog add", "catalog list", "catalog show", "catalog search", "catalog tag", "catalog describe"]
_COMMANDS += ["catalog whereis", "approve", "lineage", "replay"]


def test_every_command_shows_how_it_is_used() -> None:
    """Help has examples that begin with the command."""
    for name in _COMMANDS:
        told = CliRunner().invoke(app, [*name.split(), "--help"]).output
        assert f"headrace {'approve' if name.endswith('approve') else name}" in told.split("Examples:")[1], told


def test_a_run_registers_its_model(line: Line) -> None:
    """Version, registry and catalogue are in the summary, and on the last screen with the command that shows them."""
    summary = json.loads((line.home / "summary.json").read_text())
    assert summary["model"]["version"] == f"1.0.0+{summary['model']['digest'][:12]}"
    assert summary["registry"] == str(line.home / "registry.db")
    assert summary["catalog"] == str(line.home / "catalog.db")
    assert (
        f"headrace registry show {summary['model']['name']} --registry {shlex.quote(str(line.home / 'registry.db'))}"
        in line.told
    )
    events = [json.loads(text) for text in (line.home / "lineage.jsonl").read_text().splitlines()]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE", "COMPLETE"]
    assert events[1]["inputs"][0]["name"] == str(line.table)
    assert events[1]["outputs"][0]["name"] == events[2]["inputs"][0]["name"]


def test_a_version_is_listed_shown_promoted_and_told_of(home: Path) -> None:
    """From the list to production and its history."""
    name = json.loads(_run(home, "registry", "list", "--json"))[0]["model"]
    assert "1.0.0" in _run(home, "registry", "list")
    assert "verdict" in _run(home, "registry", "show", name)
    assert "is in development" in _run(home, "registry", "promote", name, "latest", "--reason", "first")
    assert "is in development already" in _run(home, "registry", "promote", name, "1.0.0", "--stage", "development")
    assert "is in staging" in _run(home, "registry", "promote", name, "1.0.0")
    assert "approved by ann" in _run(home, "approve", name, "1.0.0", "--reason", "looked at the slices")
    assert "is in production" in _run(
        home, "registry", "promote", name, "1.0.0", "--stage", "production", "--by", "bob"
    )
    told = _run(home, "registry", "history", name)
    for part in ("registered 1.0.0", "promoted 1.0.0 to staging", "approved 1.0.0", "looked at the slices", "bob"):
        assert part in told
    shown = json.loads(_run(home, "registry", "show", name, "--json"))
    assert shown["stages"].keys() == {"development", "staging", "production"}
    entries = json.loads(_run(home, "registry", "history", name, "--json"))
    assert [entry["number"] for entry in entries] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("registry", "show", "nobody"), "no model 'nobody'"),
        (("registry", "promote", "customers", "9.9.9"), "no version '9.9.9'"),
        (("registry", "promote", "customers", "1.0.0", "--stage", "heaven"), "must be one of development"),
        (("registry", "rollback", "customers", "--to-version", "0.0.1", "--reason", "x"), "0.0.1"),
        (("registry", "compare", "customers", "1.0.0", "latest"), "are the same version"),
        (("registry", "register", "no/such/folder"), "no/such/folder"),
        (("registry", "policy", "--set", "no-policy.yaml"), "no-policy.yaml"),
        (("registry", "list", "--registry", "ftp://x"), "'ftp'"),
        (("catalog", "show", "nothing"), "no table 'nothing'"),
        (("catalog", "tag", "nothing", "x"), "no table 'nothing'"),
        (("catalog", "describe", "customers"), "something must be described"),
        (("catalog", "search", "--since", "soon"), "--since must be a day"),
        (("catalog", "add", "no-such.csv"), "no-such.csv"),
        (("lineage", "nobody"), "nobody"),
    ],
)
def test_a_mistake_is_one_sentence(home: Path, command: tuple[str, ...], says: str) -> None:
    """Exit code 2, and what to do about it."""
    assert says in _run(home, *command, code=2)


def test_a_bundle_is_registered_by_hand(line: Line, home: Path, tmp_path: Path) -> None:
    """A run's folder knows where it is published; one that is known keeps its version; a bundle alone needs its URI."""
    assert "is registered as number 1" in _run(home, "registry", "register", str(line.home))
    said = _run(home, "registry", "register", str(line.home / "bundle"), "--registry", str(tmp_path / "new.db"), code=2)
    assert "must be published" in said
    assert not (tmp_path / "new.db").exists() or "none" in _run(tmp_path, "registry", "list")


def test_pages_are_written(home: Path, tmp_path: Path) -> None:
    """The model's page and its lineage need no network and no script."""
    page, drawn = tmp_path / "model.html", tmp_path / "lineage.html"
    assert str(page) in _run(home, "registry", "show", "customers", "--html", str(page))
    assert str(drawn) in _run(home, "lineage", "customers", "-o", str(drawn))
    for path in (page, drawn):
        text = path.read_text()
        assert "<script" not in text
        assert "http://" not in text.replace("http://127.0.0.1", "").replace("http://www.w3.org", "")
        for part in ("customers 1.0.0", "127.0.0.1", "verdict promote", "400 rows"):
            assert part in text, part
    assert "Model card: customers" in page.read_text()


def test_the_lineage_of_a_bundle_alone_is_drawn(line: Line, home: Path, tmp_path: Path) -> None:
    """Without a catalogue the bundle's own papers tell of the table and the run."""
    drawn = tmp_path / "lineage.html"
    _run(home, "lineage", str(line.home / "bundle"), "-o", str(drawn), "--catalog", str(tmp_path / "none.db"))
    assert "customers.csv" in drawn.read_text()


def test_the_catalogue_knows_what_a_run_read(line: Line, home: Path) -> None:
    """Columns, checks and what was made are there without a word of anybody; people add what they know."""
    (table,) = json.loads(_run(home, "catalog", "list", "--json"))
    assert table["source"] == str(line.table)
    assert {column["name"]: column["role"] for column in table["columns"]}["churn"] == "target"
    _run(home, "catalog", "describe", "customers", "--owner", "marketing", "--retention-days", "365")
    assert "gold" in _run(home, "catalog", "tag", "customers", "gold", "silver")
    _run(home, "catalog", "tag", "customers", "--remove", "silver")
    for found in (("plan",), ("--tag", "gold"), ("--owner", "Marketing"), ("--type", "csv"), ("--type", "timestamp")):
        assert "customers" in _run(home, "catalog", "search", *found), found
    assert "No table matches" in _run(home, "catalog", "search", "'; DROP TABLE catalog_tables; --")
    assert "No table matches" in _run(home, "catalog", "list", "--expired")
    shown: dict[str, Any] = json.loads(_run(home, "catalog", "show", "customers", "--json"))
    assert shown["tags"] == ["gold"]
    assert shown["retention_days"] == 365
    (use,) = shown["uses"]
    assert (use["model"], use["version"]) == ("customers", "1.0.0")
    assert use["endpoints"][0]["ended"]
    assert {figure["name"] for figure in shown["quality"]} >= {"rows read", "rows valid", "missing share"}
    text = _run(home, "catalog", "show", "customers")
    for part in (
        "marketing",
        "365 days",
        "spend 4.2%" if "spend 4.2%" in text else "spend",
        "customers 1.0.0",
        "target",
    ):
        assert part in text


def test_a_mistake_ends_with_exit_code_2(home: Path) -> None:
    """The command line as a person sees it: one line on standard error."""
    ended = headrace("registry", "show", "nobody", "--registry", str(home / "registry.db"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("headrace: there is no model 'nobody'")
    assert ended.stderr.count("\n") == 1


def test_a_version_is_found_by_its_stage(line: Line, home: Path) -> None:
    """NAME@STAGE leads to the files that the run's own store left, and is served, scored and replayed like a folder."""
    place = ("--registry", str(home / "registry.db"))
    assert headrace("registry", "promote", "customers", "1.0.0", "--stage", "production", *place).returncode == 0
    environment = {"HEADRACE_REGISTRY": str(home / "registry.db"), "HEADRACE_CATALOG": str(home / "catalog.db")}
    scored = home / "scored.csv"
    ended = headrace("score", "customers@production", str(line.table), "-o", str(scored), **environment)
    assert ended.returncode == 0, ended.stderr
    assert scored.read_text().count("\n") > 300
    wrong = {"customers@heaven": "no version 'heaven'", "nobody@latest": "'nobody'", "@1": "NAME@VERSION"}
    for text, says in wrong.items():
        ended = headrace("score", text, str(line.table), "-o", str(scored), **environment)
        assert ended.returncode == 2
        assert says in ended.stderr

"""The commands as a person types them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from markupsafe import escape
from typer.testing import CliRunner

from headrace.cli import main
from headrace.cli.main import app
from headrace.core.runtime.processes import free_port, lease
from headrace.stores.objects.local_s3 import local_store
from tests.conftest import REPOSITORY, Line, headrace, ignoring, write_table

pytestmark = pytest.mark.usefixtures("default_signals")


@pytest.mark.parametrize(
    "command",
    ["demo", "run", "serve", "contract", "compile", "doctor", "cluster", "cluster render", "cluster keys"],
)
def test_help_has_examples(command: str) -> None:
    """Each command shows how it is used."""
    shown = headrace(*command.split(), "--help")
    assert shown.returncode == 0
    assert f"headrace {command}" in shown.stdout.split("Examples:")[1]


def test_all_commands_are_told_in_a_line_each() -> None:
    """Each is there, and says what it does."""
    shown = CliRunner().invoke(app, ["--help"]).output.split("Commands:")[1].split("Examples:")[0]
    listed = dict(line.split(maxsplit=1) for line in shown.strip().splitlines())
    assert {"demo", "run", "score", "registry", "catalog", "cluster", "rollout", "logs"} <= set(listed)
    for command in listed:
        told = CliRunner().invoke(app, [command, "--help"])
        assert told.exit_code == 0, command


def test_a_command_starts_with_its_own_modules() -> None:
    """No start pays for the other commands, nor `--help` for Polars."""
    program = (
        "import sys; from headrace.cli.main import app\ntry: app(['score', '--help'])\nfinally: print(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    imported = set(shown.split())
    assert "headrace.cli.local.score" in imported
    assert not imported & {*(f"headrace.cli.{name}" for name in ("rollout", "registry", "tune", "cluster")), "polars"}


def test_the_version_is_told() -> None:
    """The one that is installed, and nothing else."""
    told = headrace("--version")
    assert (told.returncode, told.stdout, told.stderr) == (0, f"headrace {version('headrace')}\n", "")


def test_a_mistyped_command_is_guessed() -> None:
    """Though none is imported for it."""
    shown = headrace("scor", "x")
    assert shown.returncode == 2
    assert "Did you mean 'score'" in shown.stderr


def test_unknown_options_are_the_users_mistake() -> None:
    """A typing error ends with exit code 2."""
    assert headrace("run", "t.csv", "--targte", "y").returncode == 2


def test_the_contract_of_a_table_is_printed_and_taken_back(line: Line, tmp_path: Path) -> None:
    """An inferred contract can be read, edited, and given to a run."""
    path = tmp_path / "customers.yaml"
    ended = headrace("contract", str(line.table), "--target", "churn", "-o", str(path))
    assert ended.returncode == 0, ended.stderr
    text = path.read_text()
    assert "name: age" in text
    path.write_text(text.replace("\ncolumns:", "\nmax_quarantined: 0.25\ncolumns:", 1))
    home = tmp_path / "out"
    run = headrace(
        "run", str(line.table), "--target", "churn", "--budget", "1", "--contract", str(path), "--output", str(home)
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "max_quarantined: 0.25" in (home / "bundle" / "contract.yaml").read_text()


def test_a_contract_without_a_target_takes_the_last_column(line: Line) -> None:
    """The contract goes to standard output, what was assumed to standard error."""
    ended = headrace("contract", str(line.table))
    assert ended.returncode == 0, ended.stderr
    assert "name: churn, dtype: string, role: target" in ended.stdout
    assert "'churn'" in ended.stderr
    assert (
        "Column 'churn': the positive class, whose probability, precision and recall are reported, is 'yes'"
        in " ".join(ended.stderr.split())
    )
    other = headrace("contract", str(line.table), "--positive", "no")
    assert "positive: 'no'" in other.stdout
    assert "positive class" not in other.stderr


def test_findings_stand_wherever_a_person_looks(line: Line) -> None:
    """At the terminal after the steps, in summary, the head of the report, on the card, and in Kubeflow as metadata."""
    findings = json.loads((line.home / "summary.json").read_text())["findings"]
    sentence = next(item for item in findings if item["rule"] == "positive_class")["sentence"]
    assert line.told.index("  findings  ") < line.told.index("positive class") < line.told.index("  metric ")
    assert "precision, recall, f1 and pr_auc are those of the class 'yes'" in " ".join(line.told.split())
    page = (line.home / "report.html").read_text()
    assert escape(sentence) in page[: page.index("<nav")]
    assert "**positive class** (info)" in (line.home / "bundle" / "card.md").read_text()
    for step, artifact in (("infer-contract", "contract"), ("validate", "checks")):
        told = json.loads(next((line.home / "steps").glob(f"*/{step}/executor_output.json")).read_text())
        notes = told["artifacts"][artifact]["artifacts"][0]["metadata"]["notes"]
        assert sentence in {note["sentence"] for note in notes}, step


def test_compile_writes_what_is_shipped(tmp_path: Path) -> None:
    """The command gives the file that lies in pipelines/compiled."""
    path = tmp_path / "training.yaml"
    ended = headrace("compile", "training", "-o", str(path))
    assert ended.returncode == 0, ended.stderr
    shipped = REPOSITORY / "pipelines" / "compiled" / "training.yaml"
    assert path.read_text() == shipped.read_text()


def test_compile_names_the_pipelines_that_there_are(tmp_path: Path) -> None:
    """An unknown pipeline is refused with the known ones."""
    ended = headrace("compile", "plumbing", "-o", str(tmp_path / "x.yaml"))
    assert ended.returncode == 2
    assert "training" in ended.stderr
    assert not (tmp_path / "x.yaml").exists()


def _serving(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "headrace.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )


def _curl_line(server: subprocess.Popen[str], seconds: float = 120) -> str:
    """The first line that the server prints which starts with curl."""
    assert server.stdout is not None
    deadline = time.monotonic() + seconds
    for row in server.stdout:
        assert time.monotonic() < deadline
        if row.strip().startswith("curl"):
            return row.strip()
    raise AssertionError(server.stderr.read() if server.stderr else "no standard error")


def _stop(server: subprocess.Popen[str]) -> int:
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=30)
    return server.returncode


@pytest.mark.parametrize("inside", ["", "bundle"])
def test_serve_prints_a_curl_line_that_works(line: Line, inside: str) -> None:
    """A run's folder and a bundle's folder are served; the printed command answers as printed."""
    server = _serving("serve", str(line.home / inside), "--port", str(free_port()))
    try:
        answer = subprocess.run(["sh", "-c", _curl_line(server)], capture_output=True, text=True, check=True).stdout
    finally:
        code = _stop(server)
    assert re.search(r'"(yes|no)"', answer), answer
    assert "predictions" in json.loads(answer)
    assert code in {0, 130}


def test_serve_takes_a_store_uri(line: Line, tmp_path: Path) -> None:
    """What a run published can be served from the store, by its address alone."""
    uri = json.loads((line.home / "summary.json").read_text())["model"]["uri"]
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "log").open("wb") as log,
        local_store(line.home / "store", lease_path=held, log=log) as store,
    ):
        server = _serving("serve", uri, "--port", str(free_port()), **store.environment())
        try:
            answer = subprocess.run(["sh", "-c", _curl_line(server)], capture_output=True, text=True, check=True).stdout
        finally:
            _stop(server)
    assert re.search(r'"(yes|no)"', answer), answer


def test_serve_says_what_a_store_uri_needs(line: Line) -> None:
    """Without the store's address in the environment the sentence names the variable."""
    uri = json.loads((line.home / "summary.json").read_text())["model"]["uri"]
    ended = headrace("serve", uri, "--port", str(free_port()), HEADRACE_S3_ENDPOINT="")
    assert ended.returncode == 2
    assert "HEADRACE_S3_ENDPOINT" in ended.stderr
    assert "Traceback" not in ended.stderr


_SMALL = ("--target", "churn", "--families", "logistic", "--budget", "1", "--folds", "2")


@pytest.mark.parametrize("command", ["run", pytest.param("demo", marks=pytest.mark.slow)])
def test_demo_keeps_the_endpoint_up(command: str, tmp_path: Path) -> None:
    """`demo --serve` prints a curl line that works as printed, and leaves nothing running after Ctrl-C; `run` too."""
    home = tmp_path / "demo"
    table = (str(write_table(tmp_path / "customers.csv", rows=200)), *_SMALL) if command == "run" else ()
    running = _serving(command, *table, "--serve", "--output", str(home))
    try:
        answer = subprocess.run(["sh", "-c", _curl_line(running)], capture_output=True, text=True, check=True).stdout
    finally:
        code = _stop(running)
    assert re.search(r'"(benign|malignant|yes|no)"', answer), answer
    assert code == 0
    assert (home / "summary.json").exists()
    assert not [path for path in Path("/proc").glob("[0-9]*") if _runs_for(path, home)]


def _runs_for(process: Path, home: Path) -> bool:
    try:
        return f"HEADRACE_LEASE={home}".encode() in (process / "environ").read_bytes()
    except OSError:
        return False


def test_serve_refuses_a_taken_port(line: Line) -> None:
    """The sentence names the port and the remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = headrace("serve", str(line.home), "--port", str(port))
    assert ended.returncode == 2
    assert str(port) in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_serve_refuses_what_is_no_model(tmp_path: Path) -> None:
    """A folder that is neither a run's nor a bundle's, and one that is not there, are named."""
    for model in (tmp_path, tmp_path / "nowhere"):
        ended = headrace("serve", str(model))
        assert ended.returncode == 2
        assert str(model) in ended.stderr


def test_serve_refuses_an_altered_bundle(line: Line, tmp_path: Path) -> None:
    """One changed byte in the model is found before the first answer."""
    import shutil

    bundle = shutil.copytree(line.home / "bundle", tmp_path / "bundle")
    model = bundle / "model.skops"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    ended = headrace("serve", str(bundle), "--port", str(free_port()))
    assert ended.returncode == 2
    assert "model.skops" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("wanted", [True, False])
def test_a_command_leaves_a_signal_ignored_that_was(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cleans up after SIGTERM, unless whoever started it wants nothing to happen."""

    def told() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(main, "app", told)
    with ignoring(*[signal.SIGTERM] * wanted), pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == (0 if wanted else 143)

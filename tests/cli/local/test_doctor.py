"""The commands ``doctor`` and ``cluster``, as a user types them."""

import base64
import json
import secrets
import subprocess
from pathlib import Path

import pytest
import yaml

from headrace.cli.output.diagnostics_output import closing_line, format_diagnostics
from headrace.cluster.api.kinds import SECRETS
from headrace.core.base.diagnostics import ORDER, Diagnostic, good
from headrace.core.runtime.processes import free_port
from tests.cluster.api_server import ApiServer, binary
from tests.conftest import REPOSITORY, headrace

COMPILED = REPOSITORY / "pipelines" / "compiled" / "training.yaml"


def test_doctor_tells_of_this_machine(tmp_path: Path) -> None:
    """All is well, and the last line says what to do next; the JSON holds the same."""
    ended = headrace("doctor", "--output", str(tmp_path / "found.json"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "✓ Python" in ended.stdout
    assert "nothing stands in the way" in ended.stdout.splitlines()[-1]
    told = json.loads((tmp_path / "found.json").read_text())
    assert told["ok"]
    assert (told["platform"], told["pipeline"]) == ("local", None)
    for finding in told["findings"]:
        assert finding["text"] in ended.stdout


def test_doctor_reads_a_pipeline() -> None:
    """What the local runner drops stands in the table, with what to do."""
    ended = headrace("doctor", str(COMPILED))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    compiled, _ = yaml.safe_load_all(COMPILED.read_text(encoding="utf-8"))
    graphs = [compiled["root"], *compiled["components"].values()]
    tasks = [task for graph in graphs for task in graph.get("dag", {}).get("tasks", {}).values()]
    steps = sum("executorLabel" in compiled["components"][task["componentRef"]["name"]] for task in tasks)
    assert f"headrace-training has {steps} steps" in ended.stdout
    assert "secretAsEnv is ignored" in ended.stdout
    assert "→ set the same variables yourself" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--platform", "moon"), "--platform must be local or cluster"),
        (("none.yaml",), "there is no file none.yaml"),
        (("--platform", "cluster", "pyproject.toml"), "pyproject.toml must be a compiled pipeline"),
    ],
)
def test_a_mistake_of_the_users(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """It ends with exit code 2 and one sentence."""
    ended = headrace("doctor", *arguments, KUBECONFIG=str(tmp_path / "none"))
    assert ended.returncode == 2
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_no_cluster_is_known(tmp_path: Path) -> None:
    """Which kubeconfig was looked for is said."""
    ended = headrace("doctor", "--platform", "cluster", KUBECONFIG=str(tmp_path / "none"))
    assert ended.returncode == 2
    assert "no cluster is known" in ended.stderr


def test_a_cluster_that_is_down(tmp_path: Path) -> None:
    """It is a finding, with exit code 1."""
    user = {"name": "me", "user": {"token": "t"}}
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{free_port()}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "me"}}
    document = {"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "c"}
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    ended = headrace("doctor", "--platform", "cluster", KUBECONFIG=str(tmp_path / "config"))
    assert ended.returncode == 1, ended.stderr
    assert "✗ Kubernetes" in ended.stdout
    assert "1 to fix" in ended.stdout


def test_the_table() -> None:
    """What is about one thing stands together, under its name once; each state has its mark."""
    findings = [
        good("KServe", "is served"),
        Diagnostic("Nodes", "bad", "none", "add one"),
        Diagnostic("KServe", "unknown", "its version"),
    ]
    assert format_diagnostics(findings) == [
        "  ✓ KServe          is served",
        "  ?                 its version",
        "  ✗ Nodes           none",
        "                    → add one",
    ]
    assert len({format_diagnostics([Diagnostic("a", state, "b")])[0][2] for state in ORDER}) == len(ORDER)


def test_the_last_line_follows_from_what_was_asked() -> None:
    """It names the next command."""
    assert closing_line([good("a", "b")], platform="local", pipeline=None).endswith("Next: headrace demo")
    assert "headrace compile" in closing_line([good("a", "b")], platform="cluster", pipeline=None)
    assert "could not be checked" in closing_line([Diagnostic("a", "unknown", "b")], platform="cluster", pipeline=None)
    assert "fix them, then run it again" in closing_line(
        [Diagnostic("a", "bad", "b")], platform="cluster", pipeline=Path("p.yaml")
    )


def test_manifests_are_written(tmp_path: Path) -> None:
    """All objects in one file, their images in another, and the next command; whole or not at all."""
    ended = headrace("cluster", "render", "staging", "-o", str(tmp_path / "out"), "--namespace", "team-a")
    assert ended.returncode == 0, ended.stderr
    documents = list(yaml.safe_load_all((tmp_path / "out" / "staging.yaml").read_text()))
    assert {document["metadata"].get("namespace", "team-a") for document in documents} == {"team-a"}
    assert f"{len(documents)} objects" in ended.stdout
    images = (tmp_path / "out" / "images.txt").read_text().splitlines()
    assert "headrace/headrace-python:0.1.0" in images
    assert "headrace cluster keys --namespace team-a" in ended.stdout.splitlines()[-1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"staging.yaml", "images.txt"}


def test_sources_of_manifests_are_written_on_request(tmp_path: Path) -> None:
    """Whoever wants an overlay of their own gets what the shipped ones are made of."""
    ended = headrace("cluster", "render", "-o", str(tmp_path), "--kustomize")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "kustomize" / "base" / "kustomization.yaml").is_file()
    assert (tmp_path / "kustomize" / "components" / "gpu" / "kustomization.yaml").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("render", "moon"), "OVERLAY must be one of local, staging, production"),
        (("render", "local", "--namespace", "Team A"), "--namespace must be"),
        (("render", "local", "-o", "/dev/null/x"), "cannot write in the folder"),
        (("keys",), "HEADRACE_S3_ENDPOINT is not"),
    ],
)
def test_mistakes_with_manifests(arguments: tuple[str, ...], words: str) -> None:
    """One sentence, and exit code 2."""
    ended = headrace("cluster", *arguments, HEADRACE_S3_ENDPOINT="")
    assert ended.returncode == 2, ended.stdout
    assert words in ended.stderr


@pytest.mark.kubernetes
def test_from_nothing_to_a_cluster_that_is_fit(kubernetes: ApiServer, tmp_path: Path) -> None:
    """What the guide says: render, apply, keys, doctor; then the training pipeline has all that it names."""
    name = f"guide-{secrets.token_hex(3)}"
    environment = {
        "KUBECONFIG": str(kubernetes.kubeconfig),
        "HEADRACE_S3_ENDPOINT": "http://headrace-object-store:9000",
        "HEADRACE_S3_ACCESS_KEY": "me",
        "HEADRACE_S3_SECRET_KEY": "my-s3cret",
        "HEADRACE_KAFKA_USER": "frauds",
        "HEADRACE_KAFKA_PASSWORD": "my-s3cret",
    }
    ended = headrace("cluster", "render", "local", "-o", str(tmp_path), "-n", name, "--create-namespace")
    assert ended.returncode == 0, ended.stderr
    apply = [str(binary("kubectl")), "apply", "--server-side", "-f", str(tmp_path / "local.yaml")]
    subprocess.run([*apply, "--kubeconfig", str(kubernetes.kubeconfig)], check=True, capture_output=True)
    before = headrace("doctor", "--platform", "cluster", "-n", name, str(COMPILED), **environment)
    assert "→ set HEADRACE_S3_* and run headrace cluster keys" in before.stdout
    ended = headrace("cluster", "keys", "-n", name, "--database", "--kafka", **environment)
    assert ended.returncode == 0, ended.stderr
    assert "my-s3cret" not in ended.stdout + ended.stderr
    assert "holds new keys" in ended.stdout
    assert "the Secret headrace-kafka holds the login of frauds at Kafka" in ended.stdout
    assert "is unchanged" in headrace("cluster", "keys", "-n", name, "--database", **environment).stdout
    found = tmp_path / "found.json"
    after = headrace(
        "doctor", "--platform", "cluster", "-n", name, str(COMPILED), "--output", str(found), **environment
    )
    told = json.loads(found.read_text())["findings"]
    # No node and no storage stand behind this API server; all else is there.
    assert {finding["area"] for finding in told if finding["state"] == "bad"} == {"Nodes"}
    assert after.returncode == 1
    secret = kubernetes.admin(name).get(SECRETS, "headrace-object-store")
    assert secret
    assert base64.b64decode(secret["data"]["AWS_SECRET_ACCESS_KEY"]) == b"my-s3cret"
    assert secret["metadata"]["annotations"]["serving.kserve.io/s3-endpoint"] == "headrace-object-store:9000"

"""How the provider calls Headrace: its environment, its options, and what it makes of a failure. No Airflow here."""

import sys
from pathlib import Path

import pytest

from headrace_provider.program import HeadraceError, failure, options, program_of

WORKER = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/airflow",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://airflow:secret@db/airflow",
    "AIRFLOW_CONN_AWS": "aws://key:secret@",
    "PYTHONPATH": "/opt/airflow/dags",
    "HEADRACE_REGISTRY": "/registry.db",
}


def test_secrets_of_the_worker_do_not_reach_headrace() -> None:
    """It gets what a program needs, Headrace's own variables and the connection's: nothing of Airflow's."""
    extra = {"kfp_endpoint": "http://kfp:8888", "s3_secret_key": "key", "variables": '{"HEADRACE_ACTOR": "airflow"}'}
    program = program_of(extra, "token", WORKER)
    assert program.environment == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/home/airflow",
        "HEADRACE_REGISTRY": "/registry.db",
        "HEADRACE_KFP_ENDPOINT": "http://kfp:8888",
        "HEADRACE_KFP_TOKEN": "token",
        "HEADRACE_S3_SECRET_KEY": "key",
        "HEADRACE_ACTOR": "airflow",
    }
    assert program.command == ("headrace",)
    assert "token" not in repr(program)


def test_a_python_is_a_program_too() -> None:
    """The environment of Headrace may be named by its Python."""
    assert program_of({"program": "/opt/headrace/bin/python3.11"}, "", {}).command == (
        "/opt/headrace/bin/python3.11",
        "-m",
        "headrace.cli.main",
    )


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"programme": "/x"}, "has the fields .*; got 'programme'"),
        ({"variables": "{"}, "must be a JSON object; it cannot be read"),
        ({"variables": "[1]"}, "must be a JSON object; got list"),
        ({"variables": {"AIRFLOW_HOME": "/x"}}, "names with HEADRACE_; got 'AIRFLOW_HOME'"),
    ],
)
def test_fields_of_a_connection_that_cannot_be_used_are_refused(extra: dict[str, object], sentence: str) -> None:
    """In one sentence, and before anything is started."""
    with pytest.raises(HeadraceError, match=sentence):
        program_of(extra, "", {})


def test_options_become_flags() -> None:
    """Lists repeat their flag, truths have two forms, and None is no option."""
    given = {"budget": "2m", "drop_column": ["a", "b"], "nested": True, "header": False, "seed": 0, "card": None}
    assert options(given) == [
        "--budget=2m",
        "--drop-column=a",
        "--drop-column=b",
        "--nested",
        "--no-header",
        "--seed=0",
    ]


@pytest.mark.parametrize(
    ("output", "code", "sentence"),
    [
        ("step 1\nheadrace: there is no file x.csv.\n", 2, "there is no file x.csv."),
        ("Usage: headrace\n\nNo such option: --x\n", 2, "headrace ended with 2, and said last: No such option: --x"),
        ("", 137, "headrace was ended by signal 9, and said nothing."),
        ("", -15, "headrace was ended by signal 15, and said nothing."),
    ],
)
def test_a_failure_is_told_in_one_sentence(output: str, code: int, sentence: str) -> None:
    """Headrace's own, if it said one."""
    assert failure(output, code) == sentence


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the field that is to be set right."""
    program = program_of({"program": str(tmp_path / "headrace")}, "", WORKER)
    with pytest.raises(HeadraceError, match=r"cannot be started \(No such file or directory\): name the headrace"):
        program.run("--version")


def test_a_command_that_takes_too_long_is_told() -> None:
    """A cluster that does not answer must not hold a task for ever."""
    program = program_of({"program": sys.executable}, "", WORKER)
    slow = type(program)((sys.executable, "-c", "import time; time.sleep(60)"), program.environment)
    with pytest.raises(HeadraceError, match="had 0 s to answer and did not"):
        slow.run("runs", seconds=0.2)

"""What the provider makes of the states of a run. No Airflow here."""

from typing import Any

import pytest

from headrace_provider import notify
from headrace_provider.kubeflow_run import RunEnd, RunWatch, active_run, read_document
from headrace_provider.program import HeadraceError
from headrace_provider.provider_info import get_provider_info


def status(state: str = "running", **more: Any) -> dict[str, Any]:
    """What ``headrace runs RUN --json`` tells."""
    ended = state in {"succeeded", "failed", "canceled", "skipped"}
    plain = {"name": "trips", "state": state, "has_ended": ended, "steps": {}, "obstacles": [], "error": ""}
    return {**plain, **more}


def obstacle(kind: str = "silence", step: str = "", text: str = "no node fits") -> dict[str, str]:
    """An obstacle, as it is told."""
    return {"kind": kind, "step": step, "text": text}


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (status("succeeded"), RunEnd("succeeded")),
        (status("failed", error="train: no rows."), RunEnd("failed", "train: no rows.")),
        (status("canceled"), RunEnd("failed", "the run trips ended canceled.")),
        (status("running", steps={"ingest": "running"}), None),
        (status("pending"), None),
    ],
)
def test_the_end_of_a_run_is_what_its_state_says(told: dict[str, Any], end: RunEnd | None) -> None:
    """While it goes on there is none."""
    assert RunWatch(since=0).judge(told, 10) == end


def test_a_run_that_nobody_begins_with_is_given_up_within_a_minute() -> None:
    """With what stands in its way; a step that runs, or has run, ends the waiting."""
    watch, told = RunWatch(since=0), status(obstacles=[obstacle(step="ingest")])
    assert watch.judge(told, 49) is None
    end = watch.judge(told, 51)
    assert end == RunEnd("stuck", "the run trips was not begun within 50 s: ingest: no node fits.")
    assert watch.judge(status(steps={"ingest": "running"}, obstacles=[obstacle(step="train")]), 5000) is None


def test_a_pod_that_waits_is_no_step_that_runs() -> None:
    """Kubeflow calls a step running when its driver has run; the pull of an image is a beginning."""
    steps = {"ingest": "running"}
    end = RunWatch(since=0).judge(status(steps=steps, obstacles=[obstacle("Unschedulable", "ingest")]), 51)
    assert end is not None
    assert end.outcome == "stuck"
    assert RunWatch(since=0).judge(status(steps=steps, obstacles=[obstacle("start", "ingest")]), 51) is None


def test_a_run_without_its_workflow_is_given_up() -> None:
    """Kubeflow calls it running for ever; one look may be a mistake."""
    watch, told = RunWatch(since=0), status(steps={"ingest": "succeeded"}, obstacles=[obstacle("gone", text="deleted")])
    assert watch.judge(told, 1000) is None
    assert watch.judge(status(steps={"ingest": "succeeded"}), 1030) is None
    assert watch.judge(told, 1040) is None
    end = watch.judge(told, 1091)
    assert end is not None
    assert end.text == "the run trips goes on no more within 50 s: deleted."


def test_a_kubeflow_that_is_down_for_a_while_ends_nothing() -> None:
    """Its API server may start again during a run; an answer begins the patience anew."""
    watch, error = RunWatch(since=0, patience=300), HeadraceError("it does not answer.")
    assert watch.miss(error, 1000) is None
    assert watch.miss(error, 1299) is None
    assert watch.judge(status(steps={"a": "running"}), 1300) is None
    assert watch.miss(error, 1301) is None
    assert watch.miss(error, 1601) == RunEnd("failed", "the run cannot be followed for 300 s: it does not answer.")


def test_news_are_told_once() -> None:
    """A log of the same line every 15 seconds helps nobody."""
    watch = RunWatch(since=0)
    assert watch.news(status(steps={"ingest": "running", "train": "pending"})) == "running: ingest running"
    assert not watch.news(status(steps={"ingest": "running", "train": "pending"}))
    assert watch.news(status(obstacles=[obstacle()])) == "running; no node fits"


def test_a_retry_finds_the_run_of_its_name_that_is_under_way() -> None:
    """The latest of the name; one that has ended is none."""
    runs = [{"name": "b", "has_ended": True}, {"name": "a", "has_ended": False}, {"name": "b", "has_ended": False}]
    assert active_run(runs, "a") == runs[1]
    assert active_run(runs, "b") is None
    assert active_run([], "a") is None


def test_an_answer_that_is_no_json_is_told() -> None:
    """An older Headrace prints words for people."""
    with pytest.raises(HeadraceError, match="must answer with JSON; it printed 'The run x has begun'"):
        read_document("The run x has begun")


def test_a_notice_without_an_address_or_a_login_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, and in one sentence."""
    for name in ("URL", "USER", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"AIRFLOW_API_{name}", raising=False)
    assert notify.main(["trigger", "x"]) == 2
    monkeypatch.setenv("AIRFLOW_API_URL", "http://127.0.0.1:1")
    assert notify.main(["trigger", "x"]) == 2
    monkeypatch.setenv("AIRFLOW_API_TOKEN", "t")
    assert notify.main(["trigger", "x", "--pair", "novalue"]) == 2
    assert notify.main(["trigger", "x"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("headrace-airflow: ") for line in said] == [True] * 4
    assert "AIRFLOW_API_URL must name" in said[0]
    assert "a login must be given" in said[1]
    assert "--pair must be NAME=VALUE" in said[2]
    assert "Airflow must answer at http://127.0.0.1:1; it does not: [Errno 111] Connection refused." in said[3]


def test_secrets_have_fields_of_their_own() -> None:
    """Whatever is called a key or a token is a password field, which the UI hides."""
    (kind,) = get_provider_info()["connection-types"]
    hidden = {name for name, one in kind["conn-fields"].items() if one["schema"].get("format") == "password"}
    assert hidden == {"s3_secret_key"}
    assert kind["ui-field-behaviour"]["relabeling"]["password"] == "Token of Kubeflow Pipelines"

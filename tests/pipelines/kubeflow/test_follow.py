"""Following a run: from the states that Kubeflow Pipelines tells to what a person sees."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from headrace.cli.output.run_output import Progress
from headrace.cluster.kfp import pipeline_spec, run
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.workflow import Workflow, WorkflowNode
from headrace.core.base.errors import ClusterError, HeadraceError, InputError, InternalError, MissingError, StoreError
from headrace.pipelines.kubeflow import follow as remote
from headrace.pipelines.kubeflow.artifacts import RunArtifacts, TaskTrace
from headrace.pipelines.kubeflow.follow import follow
from headrace.pipelines.kubeflow.log_patterns import FailureReason, last_words, reason_of
from headrace.pipelines.kubeflow.run_pods import StartObstacle
from headrace.pipelines.kubeflow.run_states import CACHED
from headrace.pipelines.kubeflow.step_logs import StepLogs
from headrace.pipelines.local.runner import RunOutcome, StepEvent
from tests.pipelines import tiny

Entry = tuple[str, str, int, int]
"""Name, state, beginning and end of a task."""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> PipelineFile:
    """Two steps, the second inside a condition."""
    return pipeline_spec.read(tiny.compiled(tmp_path_factory.mktemp("tiny") / "tiny.yaml"))


def moment(second: int) -> str:
    """A time."""
    return f"2026-01-01T00:00:{second:02d}Z"


def state(name: str | None, *tasks: Entry, **facts: Any) -> PipelineRun:
    """A run as the server tells it."""
    details = [
        {"display_name": task, "state": one, "start_time": moment(began), "end_time": moment(ended)}
        for task, one, began, ended in tasks
    ]
    told = {"run_id": "r", "display_name": "tiny", "state": name, "run_details": {"task_details": details}}
    return run.read({**told, **facts})


class Scripted:
    """Kubeflow Pipelines that tells one thing after another: following is about what is told, not about who tells."""

    def __init__(self, *states: PipelineRun | HeadraceError) -> None:
        self._states = iter(states)

    def run(self, _: str) -> PipelineRun:
        """The next one."""
        found = next(self._states)
        if isinstance(found, HeadraceError):
            raise found
        return found


class Quiet:
    """Logs with a word for each step."""

    def current_message(self, _: PipelineRun, task: str) -> str:
        """What a step says while it runs."""
        return f"{task} is at it"

    def last_words(self, _: PipelineRun, task: str) -> str:
        """What a step said."""
        return f"{task} said so"

    def reason(self, _: PipelineRun, task: str) -> FailureReason:
        """Why it failed."""
        return FailureReason(f"{task} must be liked.")

    def has_failed(self, _: PipelineRun, __: str) -> bool:
        """Whether its log says so."""
        return False

    def traces(self, _: PipelineRun) -> Mapping[str, TaskTrace]:
        """What tasks left in the store."""
        return {}

    def obstacles(self, _: PipelineRun, __: Workflow | None) -> Mapping[str, StartObstacle]:
        """What keeps tasks from starting."""
        return {}


def followed(
    pipeline: PipelineFile, *states: PipelineRun | HeadraceError, logs: Any = None
) -> tuple[list[StepEvent], RunOutcome]:
    """What a watcher saw, and what came of it."""
    seen: list[StepEvent] = []
    api = Scripted(*states)
    _, outcome = follow(api, "r", pipeline=pipeline, logs=logs or Quiet(), watch=seen.append, poll_seconds=0)
    return seen, outcome


def test_each_thing_is_told_once_and_in_order(pipeline: PipelineFile) -> None:
    """As a run here tells it: names of components, times of steps, their last words."""
    seen, outcome = followed(
        pipeline,
        state(None),
        state("RUNNING", ("measure-driver", "RUNNING", 0, 0)),
        state("RUNNING", ("measure-driver", "SUCCEEDED", 0, 1), ("measure", "RUNNING", 1, 0)),
        state("RUNNING", ("measure", "RUNNING", 1, 0), ("clean", "RUNNING", 1, 0)),
        state(
            "RUNNING", ("measure", "SUCCEEDED", 1, 5), ("clean", "RUNNING", 5, 0), ("report-metrics", "RUNNING", 6, 0)
        ),
        state("SUCCEEDED", ("report-metrics", "SUCCEEDED", 6, 8), ("measure", "SUCCEEDED", 1, 5)),
    )
    assert [(told.event, told.step, told.seconds, told.text) for told in seen] == [
        ("start", "measure", 0.0, ""),
        ("progress", "measure", 0.0, "measure is at it"),
        ("start", "report_metrics", 0.0, ""),
        ("progress", "report_metrics", 0.0, "report-metrics is at it"),
        ("end", "measure", 4.0, "measure said so"),
        ("end", "report_metrics", 2.0, "report-metrics said so"),
    ]
    assert [(step.name, step.status, step.seconds) for step in outcome.steps] == [
        ("measure", "succeeded", 4.0),
        ("report_metrics", "succeeded", 2.0),
    ]
    assert outcome.error is None


def test_steps_between_two_looks_are_told_too(pipeline: PipelineFile) -> None:
    """In the order in which they ended, a loop's one by one."""
    ended = (("report-metrics", "SUCCEEDED", 6, 8), ("measure", "SUCCEEDED", 1, 5), ("measure", "SUCCEEDED", 2, 4))
    seen, _ = followed(pipeline, state("SUCCEEDED", *ended))
    assert [(told.event, told.step, told.seconds) for told in seen if told.event == "end"] == [
        ("end", "measure", 2.0),
        ("end", "measure", 4.0),
        ("end", "report_metrics", 2.0),
    ]
    assert [told.step for told in seen if told.event == "start"] == ["measure", "measure", "report_metrics"]


def test_a_step_that_failed_is_the_reason(pipeline: PipelineFile) -> None:
    """The run's error is the sentence of the step, as the user's to mend."""
    seen, outcome = followed(pipeline, state("FAILED", ("measure", "FAILED", 1, 5)))
    assert [(told.event, told.text, told.kind) for told in seen[1:]] == [("fail", "measure must be liked.", "user")]
    assert isinstance(outcome.error, InputError)
    assert str(outcome.error) == "measure: measure must be liked."
    assert [(step.name, step.status) for step in outcome.steps] == [
        ("measure", "failed"),
        ("report_metrics", "skipped"),
    ]


@pytest.mark.parametrize(
    ("end", "says"),
    [
        (state("FAILED", ("measure-driver", "FAILED", 0, 1)), "measure: it could not be started; measure-driver must"),
        (state("FAILED", state_history=[{"state": "CANCELING"}]), "the run tiny was cancelled"),
        (state("FAILED"), "failed before a step began"),
    ],
)
def test_a_run_that_fails_without_a_failed_step_has_a_reason_too(
    end: PipelineRun, says: str, pipeline: PipelineFile
) -> None:
    """A driver that could not start it, somebody who ended it, or nothing that anybody knows."""
    _, outcome = followed(pipeline, end)
    assert says in str(outcome.error)


def test_a_step_from_the_cache_says_so(pipeline: PipelineFile) -> None:
    """Its log would be another run's."""
    details = [
        {"display_name": "measure", "state": "SUCCEEDED", "child_tasks": [{"pod_name": "wf-77"}]},
        {"display_name": "executor", "state": "SKIPPED", "pod_name": "wf-system-container-impl-77"},
    ]
    seen, _ = followed(pipeline, state("SUCCEEDED", run_details={"task_details": details}))
    assert [told.text for told in seen if told.event == "end"] == [CACHED]


def test_a_server_that_goes_away_for_a_while_does_no_harm(
    pipeline: PipelineFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stays away ends the following, as does a run that is gone."""
    end = state("SUCCEEDED")
    away = ClusterError("it is not reachable.", "unreachable")
    _, outcome = followed(pipeline, away, away, state("RUNNING"), away, end)
    assert outcome.error is None
    monkeypatch.setattr(remote, "PATIENCE_SECONDS", -1.0)
    with pytest.raises(ClusterError, match="not reachable"):
        followed(pipeline, away, end)
    with pytest.raises(MissingError):
        followed(pipeline, MissingError("it is gone."), end)


LOG = """\
I1124 22:31:40.831 launcher_v2.go:90] starting
[KFP Executor 2026-11-24 22:31:41,603 INFO]: Looking for component `tune`
headrace: tune: trial 1 of 2: logistic 0.98
headrace: tune: 2 trials, best roc_auc 0.99 by logistic
"""


OWN = """\
headrace: tune failed: the budget must be a number; got 'x'.
Traceback (most recent call last):
  File "x.py", line 1
headrace.core.base.errors.InputError: the budget must be a number; got 'x'.
I1124 22:31:42 launcher_v2.go:150] publish error
F1124 22:31:42 main.go:49] exit status 1
"""
FATAL = """\
I1128 05:10:10.000001       1 launcher_v2.go:200] start
Traceback (most recent call last):
ValueError: shown by the step and survived
F1128 05:10:11.123456       1 main.go:59] failed to upload output artifact "table": bucket is gone
"""
FOREIGN = "Traceback (most recent call last):\n  File\nValueError: no such column: y\n"
WRAPPED = 'urllib3.exceptions.HTTPError: gone\ntime="2026" level=info\nError: exit status 1\n\n'


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (OWN, "the budget must be a number; got 'x'."),
        (FOREIGN, "no such column: y"),
        (WRAPPED, "gone"),
        (FATAL, 'failed to upload output artifact "table": bucket is gone'),
        ("end\nF1128 05:10:11 1 main.go:59] exit status 137\n", "it ended without saying why; its last line is 'end'."),
        ("Killed\n", "it ended without saying why; its last line is 'Killed'."),
    ],
)
def test_a_log_tells_why_a_step_failed(tail: str, reason: str) -> None:
    """A step's own sentence, the launcher's if it ended by itself, the end of a traceback, or the last line."""
    assert reason_of(LOG + tail) == FailureReason(reason)
    assert reason_of("") == FailureReason("")


def test_a_broken_promise_is_told_from_a_mistake(pipeline: PipelineFile) -> None:
    """The one ends a command with exit code 1, the other with 2; the step itself knows which it was."""
    why = reason_of("headrace: train failed by an error of headrace's own: KeyError: 'x'\nKeyError: 'x'\n")
    assert why == FailureReason("KeyError: 'x'", internal=True)

    class Broken(Quiet):
        """Logs of a step that broke a promise."""

        def reason(self, *_: Any) -> FailureReason:
            """Why it failed."""
            return why

    seen, outcome = followed(pipeline, state("FAILED", ("measure", "FAILED", 1, 5)), logs=Broken())
    assert seen[-1].kind == "internal"
    assert isinstance(outcome.error, InternalError)


def test_a_log_tells_what_came_of_a_step() -> None:
    """Its last words; a foreign component says none of ours."""
    assert last_words(LOG) == "2 trials, best roc_auc 0.99 by logistic"
    assert last_words("print\n") == last_words("") == ""


def test_a_log_that_cannot_be_read_is_said(pipeline: PipelineFile) -> None:
    """The message says why, and the run is told all the same."""

    def refuses(_: PipelineRun) -> RunArtifacts:
        raise StoreError("the object store http://s is not reachable.")

    logs = StepLogs(None, (), refuses)
    _, outcome = followed(pipeline, state("FAILED", ("measure", "FAILED", 1, 5)), logs=logs)
    assert str(outcome.error) == (
        "measure: the cluster does not say why, and its log cannot be read: the object store http://s is not reachable."
    )
    seen, _ = followed(pipeline, state("SUCCEEDED", ("measure", "SUCCEEDED", 1, 5)), logs=logs)
    assert [told.text for told in seen if told.event == "end"] == [""]


class Blocked(Quiet):
    """Logs of a run in which something cannot start."""

    def __init__(self, *found: Mapping[str, StartObstacle]) -> None:
        self._found = iter(found)

    def obstacles(self, _: PipelineRun, __: Workflow | None) -> Mapping[str, StartObstacle]:
        """What keeps tasks from starting."""
        return next(self._found)


def test_what_keeps_a_step_from_starting_is_told_once(pipeline: PipelineFile) -> None:
    """In words for the step, whether it is its own pod or its driver's; on a terminal or not."""
    image = StartObstacle("image", "waiting, ErrImagePull: x", 0.0)
    again = StartObstacle("image", "waiting, ImagePullBackOff: x", 0.0)
    secret = StartObstacle("CreateContainerConfigError", "waiting, CreateContainerConfigError: no Secret", 0.0)
    passing = StartObstacle("Unschedulable", "waiting, Unschedulable: cpu", 600.0)
    whole = StartObstacle("silence", "nothing of it has begun", 0.0)
    logs = Blocked(
        {"measure-driver": image, "": whole}, {"measure-driver": again}, {"report-metrics": secret, "measure": passing}
    )
    seen, _ = followed(pipeline, *[state("RUNNING")] * 3, state("SUCCEEDED"), logs=logs)
    assert [(told.step, told.text) for told in seen if told.event == "waiting"] == [
        ("measure", "its driver: waiting, ErrImagePull: x"),
        ("", "nothing of it has begun"),
        ("report_metrics", "waiting, CreateContainerConfigError: no Secret"),
    ]
    screen = io.StringIO()
    for told in seen:
        Progress(screen)(told)
    assert "  ! the run: nothing of it has begun\n" in screen.getvalue()
    assert "  ! measure: its driver: waiting, ErrImagePull: x\n" in screen.getvalue()


def test_a_cancelled_run_has_no_reason_but_that(pipeline: PipelineFile) -> None:
    """What was under way was killed, and says nothing of use; what had failed before keeps its reason."""
    seen, outcome = followed(
        pipeline,
        state("RUNNING", ("measure", "FAILED", 1, 2), ("report-metrics", "RUNNING", 1, 0)),
        state("CANCELING", ("measure", "FAILED", 1, 2), ("report-metrics", "RUNNING", 1, 0)),
        state("FAILED", ("measure", "FAILED", 1, 2), ("report-metrics", "FAILED", 1, 5)),
    )
    assert [(told.step, told.text) for told in seen if told.event == "fail"] == [
        ("measure", "measure must be liked."),
        ("report_metrics", "the run was cancelled"),
    ]
    assert [step.status for step in outcome.steps] == ["failed", "canceled"]
    assert "was cancelled" in str(outcome.error)


class InTurn:
    """A source of Workflows that tells one after another."""

    def __init__(self, *found: Workflow | None) -> None:
        self._found = list(found)

    def of(self, _: PipelineRun) -> Workflow | None:
        """The next one."""
        return self._found.pop(0) if self._found else None

    def is_gone(self) -> bool:
        """Whether all were told."""
        return not self._found


def test_a_workflow_that_was_deleted_ends_the_waiting(pipeline: PipelineFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API calls its run running for ever."""
    monkeypatch.setattr(remote, "GONE_SECONDS", -1.0)
    source = InTurn(Workflow("wf", "x", "Running"))
    with pytest.raises(ClusterError, match=r"must have its Workflow; somebody deleted it, though .* running"):
        follow(
            Scripted(*[state("RUNNING")] * 9),
            "r",
            pipeline=pipeline,
            logs=Quiet(),
            watch=lambda _: None,
            workflows=source,
            poll_seconds=0,
        )


def test_what_its_workflow_says_is_the_reason_where_no_step_failed(pipeline: PipelineFile) -> None:
    """The API says nothing."""
    nodes = (WorkflowNode(("root", "measure-driver"), "Error", 1.0, 2.0, "no account"),)
    source = InTurn(Workflow("wf", "x", "Failed", nodes=nodes))

    class Silent(Quiet):
        """Logs that know nothing."""

        def reason(self, *_: Any) -> FailureReason:
            """Nothing."""
            return FailureReason()

    api = Scripted(state("FAILED"))
    _, outcome = follow(
        api, "r", pipeline=pipeline, logs=Silent(), watch=lambda _: None, workflows=source, poll_seconds=0
    )
    assert str(outcome.error) == "measure: it could not be started; no account"


def test_states_that_stand_still_are_settled_at_the_end(pipeline: PipelineFile) -> None:
    """By what steps left in the store; a step is told as it ended."""

    class Left(Quiet):
        """Logs and a store in which one step left something."""

        def traces(self, _: PipelineRun) -> Mapping[str, TaskTrace]:
            """What is there."""
            return {"measure": TaskTrace(log=True, outputs=True)}

    seen, outcome = followed(pipeline, state("SUCCEEDED", ("measure", "RUNNING", 1, 0)), logs=Left())
    assert [(told.event, told.text) for told in seen] == [("start", ""), ("end", "measure said so")]
    assert [(step.name, step.status) for step in outcome.steps] == [
        ("measure", "succeeded"),
        ("report_metrics", "unknown"),
    ]

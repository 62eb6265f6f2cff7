"""The runner of pipelines on this machine."""

from pathlib import Path

from kfp import compiler, dsl

from headrace.core.base.errors import InternalError
from headrace.core.runtime.processes import lease
from headrace.pipelines.local.run_folder import TrialFolder
from headrace.pipelines.local.runner import run_pipeline


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def fail(rows: int) -> None:
    """Fail without an event, as a step does that is killed, or that is none of the suite's."""
    raise ValueError(f"no rows: {rows}")


@dsl.pipeline
def failing(rows: int = 0) -> None:
    """One step, which fails."""
    fail(rows=rows)


def test_a_failure_that_no_step_explained_has_the_last_line_of_the_log(tmp_path: Path) -> None:
    """Without the colours of KFP, which names the step there."""
    spec = tmp_path / "failing.yaml"
    compiler.Compiler().compile(failing, str(spec))
    with lease(tmp_path / "lease") as held:
        folder = TrialFolder(home=tmp_path / "run", lease=held)
        folder.log.parent.mkdir(parents=True)
        outcome = run_pipeline(spec, {}, folder=folder, environment={}, watch=lambda _: None)
    assert isinstance(outcome.error, InternalError)
    sentence = str(outcome.error)
    assert sentence.startswith("the local runner ended with code 1 and no step said why; its log ends with ")
    assert "Inner task failed: 'fail'" in sentence
    assert "x1b" not in ascii(sentence)

"""A search on Katib whose trial is a pipeline: real API server and object store; Katib and KFP are played."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EXPERIMENTS
from headrace.core.base.settings import StoreSettings
from headrace.core.evaluation.search_trials import Trial
from headrace.core.runtime.processes import lease
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners.katib import KatibOptions, KatibTuner
from headrace.experiments.tuners.katib_spec import TrialPod
from headrace.experiments.tuners.tune import plan_of
from headrace.pipelines.tuning import factory
from headrace.pipelines.tuning.factory import KatibPipelineTuner
from headrace.pipelines.tuning.local import LocalPipelineTuner
from headrace.pipelines.tuning.search import PipelineTuner, tune_pipeline
from tests.cluster.kfp_server import KfpServer, kubeflow_pipelines
from tests.experiments import jobs
from tests.experiments.katib_controller import Ran, Run, katib
from tests.experiments.trials.test_pipeline_trial import parameter
from tests.pipelines import tiny
from tests.stores.conftest import rclone_settings

__all__ = ["rclone_settings"]

pytestmark = pytest.mark.kubernetes


def really(settings: StoreSettings, server: KfpServer) -> Run:
    """Runs a Job's container as a process of this machine."""

    def run(job: Mapping[str, Any]) -> Ran:
        ended = jobs.run_here(job, settings, HEADRACE_KFP_ENDPOINT=server.address)
        return ended.returncode, ended.stdout

    return run


def test_both_engines_tell_the_same(cluster: Cluster, rclone_settings: StoreSettings, tmp_path: Path) -> None:
    """The same grid, here and there: values, scores, metrics and the sentences of failures agree."""
    made = tiny.document()
    made["spec"]["algorithm"] = {"algorithmName": "grid"}
    made["spec"]["maxTrialCount"] = 2
    made["spec"]["parameters"] = [
        parameter("x", "discrete", list=["0.25"]),
        parameter("kind", "categorical", list=["good", "bad"]),
    ]
    trial = pipeline_trial.load(tiny.written(tmp_path, made))
    assert isinstance(trial, PipelineTrial)
    plan = plan_of(trial.experiment)

    def told(tuner: PipelineTuner, home: Path) -> dict[Any, Any]:
        lines: list[str] = []
        home.mkdir()
        result = tune_pipeline(plan, trial, tuner, home=home, say=lines.append)
        assert (result.tuner, result.reason, len(lines)) == (tuner.name, "MaxTrialsReached", 3)
        assert result.best is not None
        assert result.trials[result.best].won
        return {str(one.parameters): _compared(one) for one in result.trials}

    with lease(tmp_path / "lease") as held:
        here = told(LocalPipelineTuner(tmp_path / "searches", held), tmp_path / "here")
    with (
        kubeflow_pipelines(store=rclone_settings, environment=rclone_settings.environment()) as server,
        katib(cluster, really(rclone_settings, server)),
    ):
        pod = TrialPod("image:1", **factory.pod())  # type: ignore[arg-type]  # each field by its name
        tuner = KatibPipelineTuner(KatibTuner(cluster, rclone_settings, KatibOptions(pod, poll_seconds=0.3)))
        there = told(tuner, tmp_path / "there")
    assert here == there
    assert {status for status, *_ in here.values()} == {"succeeded", "failed"}
    assert cluster.list(EXPERIMENTS) == []  # cleaned up, since it succeeded


def _compared(trial: Trial) -> tuple[Any, ...]:
    return trial.status, trial.score, trial.metrics, trial.error, trial.family, trial.bundle, trial.reported

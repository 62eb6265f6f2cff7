"""A small pipeline that can be a trial, and an Experiment for it."""

import json
import warnings
from pathlib import Path
from typing import Any

from kfp import compiler, dsl
from kfp.dsl import Artifact, Metrics, Output

from headrace.cluster.api import yaml_documents
from headrace.components import report_metrics
from headrace.components.base import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def measure(x: float, depth: int, kind: str, metrics: Output[Metrics], marks: str = "") -> None:
    """Say how near ``x`` is to 0.3; ``kind`` tells how it fails, or to wait; ``marks`` is a folder of what ran."""
    import time
    from pathlib import Path

    from headrace.core.base.errors import InputError
    from headrace.core.runtime.step_events import step

    with step("measure") as say:
        if marks:
            with (Path(marks) / f"{x}").open("a") as mark:
                mark.write("ran\n")
        if kind == "bad":
            raise InputError(f"x must be liked; got {x} instead.")
        if kind == "worse":
            raise SystemExit(3)
        if kind == "slow":
            time.sleep(600)
        metrics.log_metric("score", 1 - (x - 0.3) ** 2)
        metrics.log_metric("depth", depth)
        say(f"x {x}, depth {depth}")


@dsl.pipeline(name="tiny")
def tiny(result: str, x: float, depth: int = 3, kind: str = "good", marks: str = "", dirty: bool = False) -> None:
    """Measure and report."""
    measured = measure(x=x, depth=depth, kind=kind, marks=marks)
    with dsl.If(dirty == False, name="clean"):  # noqa: E712 - KFP compares, Python does not
        report_metrics(metrics=measured.outputs["metrics"], result=result)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def deploy(endpoint: Output[Artifact]) -> None:
    """Leave a process behind, as a deployed server is one."""
    import json
    import os
    from pathlib import Path

    from headrace.core.runtime.processes import start_guarded

    with Path(os.devnull).open("wb") as log:
        guard = start_guarded(["sleep", "600"], lease_path=Path(os.environ["HEADRACE_LEASE"]), log=log)
    Path(endpoint.path).write_text(json.dumps({"url": "", "pid": guard.pid}))


@dsl.pipeline(name="serving")
def serving(result: str, x: float) -> None:
    """Measure, report and deploy."""
    report_metrics(metrics=measure(x=x, depth=1, kind="good").outputs["metrics"], result=result)
    deploy()


@dsl.pipeline(name="deaf")
def deaf(x: float) -> None:
    """Measure and report to nobody."""
    measure(x=x, depth=1, kind="good")


def compiled(path: Path, pipeline: Any = tiny) -> Path:
    """Write the compiled pipeline."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiler.Compiler().compile(pipeline, str(path))
    return path


def document(pipeline: str = "tiny.yaml", **arguments: Any) -> dict[str, Any]:
    """An Experiment that searches ``x`` and ``depth``."""
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {
            "name": "tiny",
            "annotations": {"headrace/pipeline": pipeline, "headrace/arguments": json.dumps(arguments)},
        },
        "spec": {
            "objective": {
                "type": "maximize",
                "objectiveMetricName": "score",
                "additionalMetricNames": ["depth"],
                "metricStrategies": [{"name": "score", "value": "latest"}, {"name": "depth", "value": "latest"}],
            },
            "algorithm": {"algorithmName": "random"},
            "parallelTrialCount": 2,
            "maxTrialCount": 4,
            "parameters": [
                {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}},
                {"name": "depth", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}},
            ],
        },
    }


def written(folder: Path, made: dict[str, Any] | None = None, **arguments: Any) -> Path:
    """Write the pipeline and an Experiment for it; the Experiment's file is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    compiled(folder / "tiny.yaml")
    path = folder / "experiment.yaml"
    path.write_text(yaml_documents.dump(made or document(**arguments)))
    return path

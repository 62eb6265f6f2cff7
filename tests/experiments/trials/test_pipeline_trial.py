"""Experiments whose trial is a pipeline: what fits together, and what does not."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.core.base.errors import InputError, MissingError
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.trials import pipeline_trial
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners import katib_spec
from headrace.experiments.tuners.katib_spec import TrialPod
from tests.pipelines import tiny


def loaded(folder: Path, change: Any = None, **arguments: Any) -> PipelineTrial:
    """The Experiment of the document, changed, with its pipeline."""
    made = tiny.document(**arguments)
    if change is not None:
        change(made)
    found = pipeline_trial.load(tiny.written(folder, made))
    assert found is not None
    return found


def parameter(name: str, kind: str, **space: Any) -> dict[str, Any]:
    """An entry of ``spec.parameters``."""
    return {"name": name, "parameterType": kind, "feasibleSpace": space}


def test_values_become_arguments_of_the_pipelines_types(tmp_path: Path) -> None:
    """Beside the shared ones, and the address of the result."""
    trial = loaded(tmp_path, kind="good")
    assert trial.arguments({"x": 1, "depth": 4.0}, result="/there") == {
        "x": 1.0,
        "depth": 4,
        "kind": "good",
        "result": "/there",
    }


def test_texts_pass_through_the_runner_unharmed(tmp_path: Path) -> None:
    """What kfp.local would rewrite travels as a literal, on both engines alike."""
    trial = loaded(tmp_path, kind="python3")
    assert trial.arguments({"x": 0.1, "depth": 1}, result="r")["kind"] == '"python\\u0033"'


def test_a_categorical_parameter_may_stand_for_a_number_or_a_truth(tmp_path: Path) -> None:
    """Its texts are read as the pipeline wants them."""

    def change(made: dict[str, Any]) -> None:
        made["spec"]["parameters"] = [
            parameter("x", "discrete", list=["1", "2.5"]),
            parameter("depth", "categorical", list=["2", "4"]),
            parameter("dirty", "categorical", list=["true", "false"]),
        ]

    found = loaded(tmp_path, change).arguments({"x": 1.0, "depth": "4", "dirty": "true"}, result="r")
    assert (found["x"], found["depth"], found["dirty"]) == (1.0, 4, True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda m: m["spec"].update({"earlyStopping": {"algorithmName": "medianstop"}}),
            "cannot be stopped early",
        ),
        (lambda m: m["spec"]["parameters"].append(parameter("y", "int", min="1", max="2")), "got 'y' instead"),
        (
            lambda m: m["spec"]["parameters"].append(parameter("result", "categorical", list=["a"])),
            "leave result alone",
        ),
        (
            lambda m: m["metadata"]["annotations"].update({"headrace/arguments": '{"result": "here"}'}),
            "leave result alone",
        ),
        (lambda m: m["metadata"]["annotations"].update({"headrace/arguments": '{"x": 1}'}), "x is both"),
        (lambda m: m["metadata"]["annotations"].update({"headrace/arguments": '{"kin": "a"}'}), "got 'kin' instead"),
        (
            lambda m: m["metadata"]["annotations"].update({"headrace/arguments": '{"kind": 3}'}),
            "kind of .* must be a text; got 3",
        ),
        (lambda m: m["spec"]["parameters"].pop(0), "must be given x too"),
        (
            lambda m: m["spec"]["parameters"].__setitem__(1, parameter("depth", "double", min="1", max="3")),
            "depth; tiny searches it as a double: make it an int",
        ),
        (
            lambda m: m["spec"]["parameters"].append(parameter("kind", "int", min="1", max="2")),
            "kind of .* must be a text; got 1",
        ),
        (
            lambda m: m["spec"]["parameters"].append(parameter("dirty", "categorical", list=["yes"])),
            "dirty of .* must be true or false; got 'yes'",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(change: Any, says: str, tmp_path: Path) -> None:
    """In one sentence, when the Experiment is read: wherever it is to run."""
    with pytest.raises(InputError, match=says) as caught:
        loaded(tmp_path, change)
    assert "\n" not in str(caught.value)


def test_a_pipeline_that_reports_to_nobody_is_refused(tmp_path: Path) -> None:
    """The sentence says what it must have."""
    made = tiny.document("deaf.yaml")
    made["spec"]["parameters"].pop()
    path = tiny.written(tmp_path, made)
    tiny.compiled(tmp_path / "deaf.yaml", tiny.deaf)
    with pytest.raises(InputError, match=r"deaf\.yaml must have a parameter result: str"):
        pipeline_trial.load(path)


def test_the_pipeline_lies_beside_the_experiment(tmp_path: Path) -> None:
    """Its name is relative to the Experiment's folder; one that is not there is named."""
    with pytest.raises(MissingError, match=r"elsewhere/tiny\.yaml"):
        pipeline_trial.load(tiny.written(tmp_path, tiny.document("elsewhere/tiny.yaml")))


def test_arguments_of_the_command_line_come_first(tmp_path: Path) -> None:
    """They are texts, and may not give a value to what is searched."""
    path = tiny.written(tmp_path, kind="bad")
    found = pipeline_trial.load(path, arguments={"kind": "good", "dirty": "true"})
    assert found is not None
    assert found.experiment.arguments == {"kind": "good", "dirty": True}
    with pytest.raises(InputError, match="'x' is searched by tiny"):
        pipeline_trial.load(path, arguments={"x": "0.5"})
    with pytest.raises(InputError, match="got 'y' instead"):
        pipeline_trial.load(path, arguments={"y": "0.5"})


def test_an_experiment_of_a_model_is_none_of_these(tmp_path: Path) -> None:
    """Whoever reads it goes another way."""
    made = tiny.document()
    made["metadata"] = {"name": "forest", "labels": {"headrace/family": "random_forest"}}
    made["spec"]["objective"] = {"type": "maximize", "objectiveMetricName": "roc_auc"}
    made["spec"]["parameters"] = [parameter("max_depth", "int", min="2", max="4")]
    assert pipeline_trial.load(tiny.written(tmp_path, made)) is None


def test_what_trials_elsewhere_need_is_read_back(tmp_path: Path) -> None:
    """Experiment, pipeline and arguments; equal ones give equal bytes, so that they have one address."""
    found = pipeline_trial.load(tiny.written(tmp_path / "a", kind="bad"), arguments={"kind": "good"})
    assert found is not None
    for place in ("b", "c"):
        pipeline_trial.write(found, tmp_path / place)
    again = pipeline_trial.load(tmp_path / "b" / pipeline_trial.EXPERIMENT)
    assert again is not None
    assert again.experiment.space == found.experiment.space
    assert again.experiment.arguments == {"kind": "good"}
    assert again.pipeline.text == found.pipeline.text
    files = [{path.name: path.read_bytes() for path in (tmp_path / place).iterdir()} for place in ("b", "c")]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("reported", "status", "says"),
    [
        ('{"score": 0.5, "depth": 3}', "succeeded", ""),
        (None, "metrics_unavailable", "reported nothing"),
        ('{"depth": 3}', "metrics_unavailable", "must report score; it reported depth"),
        ("[1]", "failed", "must hold an object of numbers"),
    ],
)
def test_a_run_that_ended_well_is_worth_what_it_reported(
    reported: str | None, status: str, says: str, tmp_path: Path
) -> None:
    """Without the objective there is nothing to compare it by."""
    trial = loaded(tmp_path)
    address = tmp_path / "result.json"
    if reported is not None:
        address.write_text(reported)
    values = {"x": 0.5, "depth": 3}
    found = trial.end_trial(TrialRequest(7, trial.experiment, values), str(address), seconds=1.5)
    assert (found.number, found.name, found.parameters, found.seconds) == (7, "tiny-007", values, 1.5)
    assert (found.status, found.family) == (status, "")
    assert says in found.error
    if status == "succeeded":
        assert (found.score, found.reported) == (0.5, (0.5,))
        assert found.metrics["depth"] == {"latest": 3.0, "min": 3.0, "max": 3.0}


def test_katib_gets_the_pipelines_command_and_a_token_for_it(tmp_path: Path) -> None:
    """The Job asks Kubeflow Pipelines under its own service account, and holds no address in an argument."""
    from headrace.pipelines.tuning import factory

    trial = loaded(tmp_path)
    pod = TrialPod("IMAGE", **factory.pod())  # type: ignore[arg-type]  # each field by its name
    built = katib_spec.build(trial.experiment, suffix="0a1b2c3d", study="s3://b/studies/x/", pod=pod)
    spec = built["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["command"] == ["python3", "-m", "headrace.pipelines.trial_job"]
    told = {item["name"]: item.get("value") for item in container["env"]}
    assert told["HEADRACE_KFP_ENDPOINT"] == "http://ml-pipeline.kubeflow:8888"
    (token,) = [volume for volume in spec["volumes"] if "projected" in volume]
    assert token["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == token["name"]]
    assert mount["mountPath"] == "/var/run/secrets/kubeflow/pipelines"
    assert built["metadata"]["annotations"]["headrace/pipeline"] == "tiny.yaml"
    assert yaml.safe_load(yaml.safe_dump(built)) == built

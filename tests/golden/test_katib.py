"""What is sent to Katib for each shipped Experiment, as files of this repository."""

from pathlib import Path

import pytest
import yaml
from kubeflow_katib_api import models

from headrace.components.base import IMAGE
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.tuners import katib_spec
from headrace.experiments.tuners.katib_spec import TrialPod
from tests.conftest import REPOSITORY

GOLDEN = Path(__file__).parent / "katib"
NAMES = sorted(path.stem for path in (REPOSITORY / "experiments" / "spaces").glob("*.yaml"))
STUDY = "s3://headrace/studies/NAME/" + "0" * 64 + "/"


@pytest.mark.parametrize("name", NAMES)
def test_the_experiment_is_current(name: str, request: pytest.FixtureRequest) -> None:
    """What is sent now is what lies here, and Katib's typed client loses nothing of it."""
    pod = TrialPod("IMAGE", service_account="headrace-trial")
    built = katib_spec.build(experiment_yaml.load_shipped(name), suffix="0a1b2c3d", study=STUDY, pod=pod)
    text = yaml.safe_dump(built, sort_keys=False)
    path = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--rewrite"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), "run `make compiled`"
    assert path.read_text() == text, "run `make compiled` and read the diff"
    typed = models.V1beta1Experiment.from_dict(built)
    assert typed is not None
    assert typed.to_dict() == built


def test_trials_run_the_suites_own_image() -> None:
    """With the version as its tag, as the components do."""
    built = katib_spec.build(
        experiment_yaml.load_shipped("logistic"), suffix="0a1b2c3d", study=STUDY, pod=TrialPod(IMAGE)
    )
    (container,) = built["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["command"] == ["python3", "-m", "headrace.experiments.trial_job"]
    keys = [item for item in container["env"] if "valueFrom" in item]
    assert {item["name"] for item in keys} >= {"HEADRACE_S3_ACCESS_KEY", "HEADRACE_S3_SECRET_KEY"}

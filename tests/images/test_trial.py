"""The trial of a Katib Experiment in the suite's own image: the container that the Job describes, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import open_bundle
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments import trial_job
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search.loop import TrialRequest
from headrace.experiments.trials.cross_validation import CrossValidation
from headrace.stores.bundles import bundle_store
from headrace.stores.objects.object_store import connect
from tests.experiments import jobs
from tests.experiments.collector import collected, observation
from tests.images.conftest import docker
from tests.stores.conftest import minio_settings, rclone_settings, settings

__all__ = ["minio_settings", "rclone_settings", "settings"]

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]
NAME = "families-0a1b2c3d-x7"


def ran(job: dict[str, Any], user: str, settings: StoreSettings) -> tuple[int, str]:
    """Exit code and output of a Job's container, held to what its pod's security context and volumes allow."""
    made = jobs.container(job)
    context, volumes = made["securityContext"], job["spec"]["template"]["spec"]["volumes"]
    assert context["runAsNonRoot"]
    assert all("emptyDir" in volume for volume in volumes)
    ended = docker(
        "run",
        "--rm",
        "--network=host",
        f"--user={user}",
        *(["--read-only"] if context["readOnlyRootFilesystem"] else []),
        *([] if context["allowPrivilegeEscalation"] else ["--security-opt=no-new-privileges"]),
        *(f"--cap-drop={one}" for one in context["capabilities"]["drop"]),
        *(f"--tmpfs={mount['mountPath']}" for mount in made["volumeMounts"]),
        *(f"--env={key}={value}" for key, value in jobs.environment(made, settings.environment()).items()),
        "--entrypoint=sh",
        made["image"],
        "-c",
        jobs.as_collected(made),
        check=False,
        timeout=600,
    )
    return ended.returncode, ended.stdout


def test_a_trial_in_its_container_reports_what_a_search_here_finds(
    image: str, nobody: str, settings: StoreSettings, tmp_path: Path
) -> None:
    """Katib's collector reads each fold's metrics from the output; the record and the bundle lie in the store."""
    experiment, store, study = experiment_yaml.load_shipped("families"), connect(settings), jobs.study()
    document, uri = jobs.sent(experiment, study, store, tmp_path / "study", image)
    code, output = ran(jobs.substituted(document, NAME, jobs.VALUES), nobody, settings)
    assert code == 0, output
    with CrossValidation.on(study.sample, experiment.objective) as run:
        here = run(TrialRequest(0, experiment, {**jobs.VALUES, "logistic__C": 0.5}))
    reported = [value for _, name, value in collected(output, jobs.METRICS) if name == "roc_auc"]
    assert reported == pytest.approx(here.reported, rel=1e-12)
    found = {item["name"]: float(item["latest"]) for item in observation(output, jobs.METRICS)}
    assert found == pytest.approx({name: values["latest"] for name, values in here.metrics.items()}, rel=1e-12)
    record = Trial.from_json(json.loads(store.get_bytes(trial_job.record_key(uri, NAME))))
    assert (record.status, record.family, record.parameters) == ("succeeded", "logistic", {"C": 0.5})
    assert record.score == pytest.approx(here.score, rel=1e-12)
    bundle = open_bundle(bundle_store.fetch(record.bundle, tmp_path / "bundle", settings=settings))
    assert bundle.model().parameters == {"C": 0.5}
    assert settings.secret_key not in output


def test_a_trial_whose_keys_are_wrong_ends_in_one_sentence(
    image: str, nobody: str, rclone_settings: StoreSettings, tmp_path: Path
) -> None:
    """Its container exits with 2 and reports no metric, so that Katib counts the trial as failed."""
    document, _ = jobs.sent(
        experiment_yaml.load_shipped("logistic"), jobs.study(), connect(rclone_settings), tmp_path / "study", image
    )
    wrong = StoreSettings(endpoint=rclone_settings.endpoint, access_key=rclone_settings.access_key, secret_key="wrong")
    code, output = ran(jobs.substituted(document, "logistic-0a1b2c3d-x7", {"C": "1"}), nobody, wrong)
    assert code == 2, output
    assert output.count("\n") == 1
    assert output.startswith("headrace: ")
    assert collected(output, jobs.METRICS) == []

"""Trials as Katib makes them: its substitutions in a template, and the Job's container as a process here."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.settings import StoreSettings
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.trials import study_files
from headrace.experiments.trials.study import Study
from headrace.experiments.trials.study_files import StoredStudy
from headrace.experiments.tuners import katib_spec
from headrace.experiments.tuners.katib_spec import TrialPod
from headrace.stores.bundles import folder_store
from headrace.stores.objects.object_store import ObjectStore
from tests import fork_server
from tests.core import made

METRICS = ("roc_auc", "log_loss")
VALUES = {
    "family": "logistic",
    "logistic__C": "0.5",
    "random_forest__max_depth": "5",
    "random_forest__max_features": "0.3",
    "hist_gradient_boosting__learning_rate": "0.1",
    "hist_gradient_boosting__max_leaf_nodes": "15",
}


def study() -> Study:
    """Some rows, divided."""
    return Study.of(made.table(120, noise=1.0), made.contract(), folds=4, seed=3)


def sent(
    experiment: Experiment, study: Study, store: ObjectStore, folder: Path, image: str = "headrace/headrace-python:0"
) -> tuple[dict[str, Any], str]:
    """The Experiment as Katib gets it, and the URI of its study, which lies in the store."""
    study_files.write(StoredStudy(study, experiment), folder)
    uri = folder_store.put(folder, store, f"studies/{experiment.name}")
    document = katib_spec.build(experiment, suffix="0a1b2c3d", study=uri, pod=TrialPod(image))
    return document, uri


def substituted(experiment: Mapping[str, Any], name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The object that Katib makes of an Experiment's template for one trial."""
    template = experiment["spec"]["trialTemplate"]
    text = json.dumps(template["trialSpec"])
    for parameter in template["trialParameters"]:
        reference = parameter["reference"]
        value = name if reference == "${trialSpec.Name}" else values[reference]
        assert '"' not in value
        assert "\\" not in value
        text = text.replace("${trialParameters." + parameter["name"] + "}", value)
    made: dict[str, Any] = json.loads(text)
    made["metadata"] = {**made.get("metadata", {}), "name": name}
    return made


def container(job: Mapping[str, Any]) -> dict[str, Any]:
    """The only container of a Job."""
    (found,) = job["spec"]["template"]["spec"]["containers"]
    return dict(found)


def environment(made: Mapping[str, Any], secret: Mapping[str, str]) -> dict[str, str]:
    """Environment of a container, with the Secret that it names filled in."""
    found = {}
    for item in made["env"]:
        if "value" in item:
            found[item["name"]] = item["value"]
        elif item["valueFrom"]["secretKeyRef"]["key"] in secret:
            found[item["name"]] = secret[item["valueFrom"]["secretKeyRef"]["key"]]
    return found


def as_collected(made: Mapping[str, Any]) -> str:
    """The line for a shell that Katib's collector makes of a container's command, up to where the output goes."""
    return " ".join([*made["command"], *made.get("args", []), "2>&1"])


def run_here(job: Mapping[str, Any], settings: StoreSettings, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the container of a Job as a process of this machine, joined for a shell as Katib's collector joins it."""
    made = container(job)
    line = as_collected(made).replace("python3", fork_server.python(), 1)
    variables = {**environment(made, settings.environment()), **changes}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
    return subprocess.run(
        ["sh", "-c", line],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

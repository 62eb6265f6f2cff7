"""Trials as Katib makes them: its substitutions in a template, and the Job's container as a process here."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from headrace.core.settings import StoreSettings


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


def run_here(job: Mapping[str, Any], settings: StoreSettings, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the container of a Job as a process of this machine, joined for a shell as Katib's collector joins it."""
    made = container(job)
    line = " ".join([*made["command"], *made.get("args", [])]).replace("python3", sys.executable, 1)
    variables = {**environment(made, settings.environment()), **changes}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
    return subprocess.run(
        ["sh", "-c", f"{line} 2>&1"],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

"""The Experiment that is sent to Katib."""

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cluster.api import yaml_documents
from headrace.core.base.errors import InputError
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search import suggestion
from headrace.experiments.space import algorithms, assignments
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.tuners import katib_spec
from headrace.experiments.tuners.katib_spec import TrialPod
from tests.experiments import jobs, webhook
from tests.experiments.manifests.test_experiment_yaml import TEMPLATE, document, parsed, template
from tests.properties import examples

STUDY = "s3://bucket/studies/forest/" + "0" * 64 + "/"


def built(experiment: Experiment) -> dict[str, Any]:
    """What is sent."""
    return katib_spec.build(experiment, suffix="0a1b2c3d", study=STUDY, pod=TrialPod("image:1"))


def test_the_template_hands_over_every_value() -> None:
    """As JSON in the environment, so that no shell reads it."""
    experiment = parsed()
    values = {"max_depth": "4", "max_features": "0.25", "n_estimators": "10"}
    made = jobs.container(jobs.substituted(built(experiment), "forest-0a1b2c3d-x", values))
    told = jobs.environment(made, {})
    assert json.loads(told["HEADRACE_TRIAL_PARAMETERS"]) == values
    assert told["HEADRACE_TRIAL"] == "forest-0a1b2c3d-x"
    assert told["HEADRACE_STUDY"] == STUDY
    assert assignments.parse_values(experiment, json.loads(told["HEADRACE_TRIAL_PARAMETERS"]))["max_depth"] == 4
    assert re.fullmatch(r"[\w. -]+", " ".join(made["command"]))


def test_numbers_of_a_space_are_texts() -> None:
    """Katib's types take nothing else, though YAML and people write numbers."""
    spaces = [parameter["feasibleSpace"] for parameter in built(parsed())["spec"]["parameters"]]
    assert all(isinstance(v, str) for space in spaces for v in space.values() if not isinstance(v, list))
    assert spaces[1]["min"] == "0.1"


def test_every_strategy_is_written_out() -> None:
    """What Katib would assume is said, so that both engines count the same value."""
    spec = built(parsed())["spec"]
    assert spec["objective"]["metricStrategies"] == [{"name": "roc_auc", "value": "max"}]
    assert (spec["parallelTrialCount"], spec["maxTrialCount"]) == (3, 6)
    assert "maxFailedTrialCount" not in spec
    limited = katib_spec.build(parsed().with_max_trials(2), suffix="0a1b2c3d", study=STUDY, pod=TrialPod("i"))["spec"]
    assert (limited["parallelTrialCount"], limited["maxTrialCount"]) == (2, 2)


def test_a_long_name_leaves_room_for_what_tells_searches_apart() -> None:
    """The whole stays within what Katib takes."""
    found = parsed(lambda made: made["metadata"].update(name="a" * 30 + "-" + "b" * 9))
    assert built(found)["metadata"]["name"] == "a" * 30 + "-0a1b2c3d"


def test_a_template_of_ones_own_is_kept() -> None:
    """And held against the rules."""
    found = parsed(
        template(lambda t: t["trialSpec"]["spec"]["template"]["spec"]["containers"][0].update(command=["a"]))
    )
    sent = built(found)["spec"]["trialTemplate"]
    expected = copy.deepcopy(TEMPLATE)
    expected["trialSpec"]["spec"]["template"]["spec"]["containers"][0]["command"] = ["a"]  # type: ignore[index]
    assert sent == expected


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "must have a command"),
        ({"command": ["run", "two words"]}, "free of spaces"),
        ({"command": ["run", '{"a": 1}']}, "free of spaces"),
        ({"command": ["run", "$HOME"]}, "shell metacharacters"),
        ({"command": ["run;ls"]}, "shell metacharacters"),
    ],
)
def test_a_command_that_a_shell_would_change_is_refused(change: dict[str, Any], says: str) -> None:
    """Katib's collector joins the words with spaces and hands them to sh."""
    found = parsed(template(lambda t: t["trialSpec"]["spec"]["template"]["spec"]["containers"][0].update(change)))
    with pytest.raises(InputError, match=says):
        built(found)


SETTINGS = st.dictionaries(
    st.sampled_from(["random_state", "gamma", "r_l", "eta", "resource_name", "sigma", "n_startup_trials", "steps"]),
    st.sampled_from(["1", "0.5", "-1", "8", "max_depth", "nan", ""]),
    max_size=3,
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Experiments that are sound or not in one or more places."""
    made = document()
    spec = made["spec"]
    name = draw(st.sampled_from([*algorithms.SETTINGS, "darts"]))
    listed = [{"name": key, "value": value} for key, value in draw(SETTINGS).items()]
    spec["algorithm"] = {"algorithmName": name, "algorithmSettings": listed}
    for key in ("maxTrialCount", "parallelTrialCount", "maxFailedTrialCount"):
        count = draw(st.sampled_from([None, -1, 0, 1, 3, 8, 400]))
        if count is None:
            spec.pop(key, None)
        else:
            spec[key] = count
    space = spec["parameters"][0]["feasibleSpace"]
    space |= draw(st.dictionaries(st.sampled_from(["min", "max", "step"]), st.sampled_from(["0", "1", "8", "9", "x"])))
    spec["parameters"][1]["feasibleSpace"]["distribution"] = draw(
        st.sampled_from(["uniform", "logUniform", "normal", "cauchy"])
    )
    if draw(st.booleans()):
        spec["earlyStopping"] = {"algorithmName": draw(st.sampled_from(["medianstop", "hunch"]))}
    if draw(st.booleans()):
        spec["metricsCollectorSpec"] = {"collector": {"kind": draw(st.sampled_from(["StdOut", "Push", "None"]))}}
    made["metadata"]["name"] = draw(st.sampled_from(["forest", "Forest", "f" * 41, "f" * 40, ""]))
    return made


@given(documents())
@examples(300)
def test_what_is_accepted_runs_on_both_engines(made: dict[str, Any]) -> None:
    """It is asked for trials here, and passes Katib's webhook as it is sent; reading it again gives the same search."""
    try:
        found = experiment_yaml.parse(yaml_documents.dump(made), source="e.yaml")
    except InputError:
        return
    assert suggestion.make(found, seed=0).ask(1)
    sent = built(found)
    assert webhook.refusals(sent) == []
    again = experiment_yaml.parse(yaml_documents.dump({**sent, "metadata": made["metadata"]}), source="e.yaml")
    assert (again.space, again.algorithm, again.settings) == (found.space, found.algorithm, found.settings)
    assert (again.max_trials, again.parallel, again.max_failed) == (
        found.max_trials,
        found.parallel,
        found.max_failed,
    )


@given(documents())
@examples(300)
def test_what_katib_would_refuse_is_refused_when_it_is_read(made: dict[str, Any]) -> None:
    """Before anything runs, wherever it was to run."""
    as_texts = copy.deepcopy(made)
    as_texts["spec"]["trialTemplate"] = built(parsed())["spec"]["trialTemplate"]
    if webhook.refusals(as_texts):
        with pytest.raises(InputError):
            experiment_yaml.parse(yaml_documents.dump(made), source="e.yaml")

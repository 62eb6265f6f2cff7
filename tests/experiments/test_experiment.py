"""Katib Experiments: those that are shipped, and those of users."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.core import families
from headrace.core.errors import InputError, MissingError
from headrace.experiments import experiment, search
from headrace.experiments.parameters import OneOf, Range


def document() -> dict[str, Any]:
    """A sound Experiment."""
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "forest", "labels": {"headrace/family": "random_forest"}},
        "spec": {
            "objective": {"type": "maximize", "objectiveMetricName": "roc_auc", "goal": 0.99},
            "algorithm": {"algorithmName": "tpe"},
            "maxTrialCount": 6,
            "parameters": [
                {"name": "max_depth", "parameterType": "int", "feasibleSpace": {"min": "2", "max": "8", "step": "2"}},
                {
                    "name": "max_features",
                    "parameterType": "double",
                    "feasibleSpace": {"min": 0.1, "max": "1e0", "distribution": "logUniform"},
                },
                {"name": "n_estimators", "parameterType": "discrete", "feasibleSpace": {"list": ["10", "20"]}},
            ],
        },
    }


def parsed(change: Any = None) -> experiment.Experiment:
    """The Experiment of the document, changed."""
    made = document()
    if change is not None:
        change(made)
    return experiment.parse(yaml.safe_dump(made), source="e.yaml")


def test_every_part_is_read() -> None:
    """Numbers may be texts, as Katib wants them."""
    found = parsed()
    assert found.family == "random_forest"
    assert found.objective == experiment.Objective("roc_auc", "maximize", 0.99)
    assert (found.algorithm, found.max_trials) == ("tpe", 6)
    assert found.space == {
        "max_depth": Range(2, 8, step=2, whole=True),
        "max_features": Range(0.1, 1, log=True),
        "n_estimators": OneOf((10.0, 20.0)),
    }


def spec(key: str, value: Any) -> Any:
    """A change of the specification."""
    return lambda made: made["spec"].update({key: value})


def first(**values: Any) -> Any:
    """A change of the first parameter."""
    return lambda made: made["spec"]["parameters"][0].update(values)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda made: made.update(kind="Trial"), "kind Experiment"),
        (lambda made: made.update(apiVersion="kubeflow.org/v1alpha3"), "kubeflow.org/v1beta1"),
        (lambda made: made.pop("spec"), "spec of e.yaml"),
        (lambda made: made["metadata"].pop("labels"), "headrace/family"),
        (spec("objective", None), "spec.objective"),
        (spec("objective", {"type": "maximize", "objectiveMetricName": "luck"}), "luck"),
        (spec("objective", {"type": "minimize", "objectiveMetricName": "roc_auc"}), "maximize for roc_auc"),
        (spec("objective", {"type": "minimize", "objectiveMetricName": "rmse", "goal": "low"}), "goal"),
        (spec("algorithm", {"algorithmName": "darts"}), "multivariate-tpe"),
        (spec("maxTrialCount", "many"), "maxTrialCount"),
        (spec("parameters", []), "list of parameters"),
        (spec("parameters", ["C"]), r"parameters\[0\]"),
        (first(name=""), "with a name"),
        (first(name="max_features"), "twice"),
        (first(parameterType="float"), "double, int, discrete or categorical"),
        (first(feasibleSpace=None), "feasibleSpace"),
        (first(feasibleSpace={"min": "2"}), "max of the parameter 'max_depth'"),
        (first(feasibleSpace={"min": "2", "max": "x"}), "whole number"),
        (first(feasibleSpace={"min": "2", "max": "8.5"}), "whole number"),
        (first(feasibleSpace={"min": "9", "max": "8"}), "min below max"),
        (first(feasibleSpace={"min": "1", "max": "8", "step": "0"}), "positive step"),
        (first(feasibleSpace={"min": "0", "max": "8", "distribution": "logUniform"}), "positive min"),
        (first(feasibleSpace={"min": "1", "max": "8", "distribution": "normal"}), "uniform or logUniform"),
        (first(feasibleSpace={"min": "1", "max": "8", "list": ["1"]}), "list"),
        (first(parameterType="categorical", feasibleSpace={"list": []}), "list of values"),
        (first(parameterType="categorical", feasibleSpace={"list": [1]}), "quotes"),
        (first(parameterType="discrete", feasibleSpace={"list": ["a"]}), "number"),
    ],
)
def test_what_is_wrong_is_named(change: Any, says: str) -> None:
    """Each mistake ends in a sentence that names the place."""
    with pytest.raises(InputError, match=says):
        parsed(change)


@pytest.mark.parametrize("text", ["", "[", "- a", "a: b: c", "\0"])
def test_what_is_no_experiment_is_refused(text: str) -> None:
    """Whatever the text is."""
    with pytest.raises(InputError, match=r"e\.yaml"):
        experiment.parse(text, source="e.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """And so is a folder."""
    with pytest.raises(MissingError, match=r"none\.yaml"):
        experiment.load(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="can be read"):
        experiment.load(tmp_path)


@pytest.mark.parametrize("family", families.FAMILIES.values(), ids=lambda family: family.name)
def test_every_family_ships_a_space_that_it_takes(family: families.Family) -> None:
    """Its name is one that Katib takes, and its values are within the family's bounds."""
    found = experiment.shipped(family.name)
    search.check_space(found)
    assert found.family == family.name
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", found.name)


@pytest.mark.parametrize("family", families.FAMILIES)
def test_shipped_numbers_are_texts(family: str) -> None:
    """Katib's API takes no numbers in a feasibleSpace."""
    text = (Path(experiment.__file__).parent / f"{family}.yaml").read_text()
    for parameter in yaml.safe_load(text)["spec"]["parameters"]:
        for value in parameter["feasibleSpace"].values():
            assert all(isinstance(item, str) for item in (value if isinstance(value, list) else [value]))


def test_a_space_that_the_family_does_not_have_is_refused() -> None:
    """Unknown names, and values that the family would not take."""
    with pytest.raises(InputError, match="depth"):
        search.check_space(parsed(first(name="depth")))
    with pytest.raises(InputError, match="max_depth must be"):
        search.check_space(parsed(first(feasibleSpace={"min": "0", "max": "8"})))


def test_the_goal_ends_a_search() -> None:
    """In the direction of the objective."""
    assert experiment.Objective("roc_auc", "maximize", 0.9).reached(0.9)
    assert not experiment.Objective("rmse", "minimize", 0.9).reached(1.0)
    assert not experiment.Objective("rmse", "minimize").reached(0.0)

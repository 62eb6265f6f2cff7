"""Katib Experiments: those that are shipped, and those of users."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headrace.cluster.api import yaml_documents
from headrace.core.base.errors import InputError, MissingError
from headrace.core.models import families
from headrace.core.models.family import Family
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.space import assignments, experiment
from headrace.experiments.space.search_space import NumberRange, ValueChoice
from tests.conftest import REPOSITORY


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
                    "feasibleSpace": {"min": "0.1", "max": "1.0", "distribution": "logUniform"},
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
    return experiment_yaml.parse(yaml_documents.dump(made), source="e.yaml")


def test_every_part_is_read() -> None:
    """Numbers may be texts, as Katib wants them."""
    found = parsed()
    assert found.family == "random_forest"
    assert found.objective == experiment.Objective("roc_auc", "maximize", 0.99)
    assert (found.algorithm, found.max_trials, found.parallel, found.max_failed) == ("tpe", 6, 3, 0)
    assert (found.settings, found.stopping, found.pipeline) == ({}, None, "")
    assert found.space == {
        "max_depth": NumberRange(2, 8, step=2, whole=True),
        "max_features": NumberRange(0.1, 1, log=True),
        "n_estimators": ValueChoice((10.0, 20.0)),
    }


def spec(key: str, value: Any) -> Any:
    """A change of the specification."""
    return lambda made: made["spec"].update({key: value})


def first(**values: Any) -> Any:
    """A change of the first parameter."""
    return lambda made: made["spec"]["parameters"][0].update(values)


AUC = {"type": "maximize", "objectiveMetricName": "roc_auc"}
FILE = {"path": "/tmp/metrics.json", "kind": "File", "format": "JSON"}  # noqa: S108 - a path in a container


def algorithm(name: str, **settings: str) -> Any:
    """A change of the algorithm and its settings."""
    listed = [{"name": key, "value": value} for key, value in settings.items()]
    return spec("algorithm", {"algorithmName": name, "algorithmSettings": listed})


def collector(kind: str, **source: Any) -> dict[str, Any]:
    """A collector of metrics."""
    return {"collector": {"kind": kind}, "source": source}


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
        (spec("objective", {"type": "most", "objectiveMetricName": "roc_auc"}), "maximize or minimize"),
        (spec("objective", {**AUC, "goal": float("nan")}), "goal"),
        (spec("objective", {**AUC, "additionalMetricNames": ["roc_auc"]}), "others than roc_auc"),
        (spec("objective", {**AUC, "additionalMetricNames": ["rmse"]}), "of one task"),
        (spec("objective", {**AUC, "metricStrategies": [{"name": "f1", "value": "max"}]}), "name each of"),
        (spec("objective", {**AUC, "metricStrategies": [{"name": "roc_auc", "value": "mean"}]}), "'mean'"),
        (spec("algorithm", {"algorithmName": "darts"}), "multivariate-tpe"),
        (algorithm("tpe", gama="0.2"), "the unknown setting 'gama'"),
        (algorithm("tpe", gamma="2"), "gamma of algorithmSettings of e.yaml must be a number between 0 and 1"),
        (algorithm("random", random_state="-1"), "whole number of at least 0"),
        (algorithm("multivariate-tpe", gamma="0.2"), "unknown setting"),
        (algorithm("grid"), "'max_features' must have a step"),
        (algorithm("hyperband"), "no r_l and no resource_name"),
        (algorithm("hyperband", r_l="8", resource_name="trees"), "'trees'"),
        (algorithm("hyperband", r_l="9", resource_name="max_depth"), "r_l of .* at most the max of 'max_depth', 8"),
        (algorithm("hyperband", r_l="8", resource_name="max_depth", eta="2"), "parallelTrialCount .* at least 8"),
        (algorithm("cmaes", restart_strategy="ipop"), "restart_strategy"),
        (spec("earlyStopping", {"algorithmName": "hunch"}), "medianstop"),
        (spec("earlyStopping", {"algorithmName": "medianstop", "algorithmSettings": [{"name": "steps", "value": "1"}]}),
         "unknown setting 'steps'"),
        (spec("maxTrialCount", "many"), "maxTrialCount"),
        (spec("maxTrialCount", 0), "at least 1"),
        (spec("maxTrialCount", 2), "parallelTrialCount of e.yaml must be at most its maxTrialCount, 2; got 3"),
        (spec("parallelTrialCount", 7), "at most its maxTrialCount"),
        (spec("maxFailedTrialCount", 7), "maxFailedTrialCount of e.yaml must be at most"),
        (spec("maxTrialCuont", 7), "maxTrialCuont"),
        (spec("nasConfig", {}), "nasConfig"),
        (lambda made: made["metadata"].update(name="Forest"), "lower-case letters"),
        (lambda made: made["metadata"].update(name="f" * 41), "at most 40"),
        (spec("metricsCollectorSpec", {"collector": {"kind": "Telepathy"}}), "one of .*StdOut"),
        (spec("metricsCollectorSpec", collector("StdOut", filter={"metricsFormat": ["(a)=b"]})), "two groups"),
        (spec("metricsCollectorSpec", collector("File", fileSystemPath={"kind": "File", "path": "x"})), "absolute"),
        (spec("metricsCollectorSpec", collector("File", fileSystemPath=FILE | {"format": "XML"})), "'XML'"),
        (spec("metricsCollectorSpec", collector("File", fileSystemPath=FILE, filter={"metricsFormat": ["(a)(b)"]})),
         "no filter"),
        (spec("parameters", []), "list of parameters"),
        (spec("parameters", ["C"]), r"parameters\[0\]"),
        (first(name=""), "with a name"),
        (first(name="a}b"), "letters, digits"),
        (first(name="max_features"), "twice"),
        (first(parameterType="float"), "double, int, discrete or categorical"),
        (first(feasibleSpace=None), "feasibleSpace"),
        (first(feasibleSpace={"min": "2"}), "max of the parameter 'max_depth'"),
        (first(feasibleSpace={"min": "2", "max": "x"}), "whole number"),
        (first(feasibleSpace={"min": "2", "max": "8.5"}), "whole number"),
        (first(feasibleSpace={"min": "9", "max": "8"}), "min below max"),
        (first(feasibleSpace={"min": "1", "max": "8", "step": "0"}), "positive step"),
        (first(feasibleSpace={"min": "0", "max": "8", "distribution": "logUniform"}), "positive min"),
        (first(feasibleSpace={"min": "1", "max": "8", "distribution": "cauchy"}), "draws no normal|must be one of"),
        (first(feasibleSpace={"min": "1", "max": "8", "list": ["1"]}), "list"),
        (first(parameterType="categorical", feasibleSpace={"list": []}), "list of values"),
        (first(parameterType="categorical", feasibleSpace={"list": [1]}), "quotes"),
        (first(parameterType="categorical", feasibleSpace={"list": ["$(rm)"]}), "put into the trial's template"),
        (first(parameterType="discrete", feasibleSpace={"list": ["a"]}), "number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change: Any, says: str) -> None:
    """Each mistake ends in a sentence that names the place."""
    with pytest.raises(InputError, match=says):
        parsed(change)


@pytest.mark.parametrize("text", ["", "[", "- a", "a: b: c", "\0"])
def test_what_is_no_experiment_is_refused(text: str) -> None:
    """Whatever the text is."""
    with pytest.raises(InputError, match=r"e\.yaml"):
        experiment_yaml.parse(text, source="e.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """And so is a folder."""
    with pytest.raises(MissingError, match=r"none\.yaml"):
        experiment_yaml.load(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="can be read"):
        experiment_yaml.load(tmp_path)


@pytest.mark.parametrize("family", families.FAMILIES.values(), ids=lambda family: family.name)
def test_every_family_ships_a_space_that_it_takes(family: Family) -> None:
    """Its name is one that Katib takes, and its values are within the family's bounds."""
    found = experiment_yaml.load_shipped(family.name)
    assignments.check(found)
    assert found.family == family.name
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", found.name)


@pytest.mark.parametrize("family", families.FAMILIES)
def test_shipped_numbers_are_texts(family: str) -> None:
    """Katib's API takes no numbers in a feasibleSpace."""
    text = ((REPOSITORY / "experiments" / "spaces") / f"{family}.yaml").read_text()
    for parameter in yaml.safe_load(text)["spec"]["parameters"]:
        for value in parameter["feasibleSpace"].values():
            assert all(isinstance(item, str) for item in (value if isinstance(value, list) else [value]))


def test_a_space_that_the_family_does_not_have_is_refused() -> None:
    """Unknown names, and values that the family would not take."""
    with pytest.raises(InputError, match="depth"):
        assignments.check(parsed(first(name="depth")))
    with pytest.raises(InputError, match="max_depth must be"):
        assignments.check(parsed(first(feasibleSpace={"min": "0", "max": "8"})))


def test_the_goal_ends_a_search() -> None:
    """In the direction of the objective."""
    assert experiment.Objective("roc_auc", "maximize", 0.9).is_reached(0.9)
    assert not experiment.Objective("rmse", "minimize", 0.9).is_reached(1.0)
    assert not experiment.Objective("rmse", "minimize").is_reached(0.0)


def test_a_normal_distribution_is_for_those_that_draw_one() -> None:
    """Katib's Optuna and scikit-optimize services know none; Hyperopt's does."""
    bell = first(feasibleSpace={"min": "1", "max": "9", "distribution": "normal"})
    found = parsed(bell).space["max_depth"]
    assert isinstance(found, NumberRange)
    assert found.bell
    with pytest.raises(InputError, match="draws no normal distributions, such as that of 'max_depth'"):
        parsed(lambda made: (bell(made), algorithm("multivariate-tpe")(made)))


FAMILIES = {
    "name": "family",
    "parameterType": "categorical",
    "feasibleSpace": {"list": ["logistic", "random_forest"]},
}


def over_families(*parameters: dict[str, Any]) -> Any:
    """A change to a search over two families."""

    def change(made: dict[str, Any]) -> None:
        del made["metadata"]["labels"]
        made["spec"]["parameters"] = [FAMILIES, *parameters]

    return change


def double(name: str, low: str, high: str) -> dict[str, Any]:
    """A parameter between two numbers."""
    return {"name": name, "parameterType": "double", "feasibleSpace": {"min": low, "max": high}}


def test_families_may_be_searched_too() -> None:
    """The parameters of each stand under its name; those of the others are left aside."""
    found = parsed(over_families(double("logistic__C", "0.1", "10"), double("random_forest__max_features", "0.1", "1")))
    assert assignments.of_experiment(found) == ("logistic", "random_forest")
    values = {"family": "logistic", "logistic__C": 2.0, "random_forest__max_features": 0.5}
    family, own = assignments.choose_family(found, values)
    assert (family.name, own) == ("logistic", {"C": 2.0})


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        (double("C", "0.1", "10"), "FAMILY__PARAMETER"),
        (double("mlp__alpha", "0.1", "10"), "FAMILY__PARAMETER after one of"),
        (double("logistic__depth", "1", "2"), "depth"),
        (double("logistic__C", "-1", "2"), "C must be"),
    ],
)
def test_parameters_of_other_families_are_refused(parameter: dict[str, Any], says: str) -> None:
    """Each must belong to one of those that are searched."""
    with pytest.raises(InputError, match=says):
        parsed(over_families(parameter))


def test_texts_become_the_values_that_they_stand_for() -> None:
    """Katib gives a trial nothing but texts."""
    found = parsed()
    assert assignments.parse_values(found, {"max_depth": "4", "max_features": "0.25", "n_estimators": "10"}) == {
        "max_depth": 4,
        "max_features": 0.25,
        "n_estimators": 10.0,
    }
    for texts in ({"max_depth": "4"}, {"max_depth": "deep", "max_features": "1", "n_estimators": "10"}):
        with pytest.raises(InputError, match=r"of a trial must be a number|must be given"):
            assignments.parse_values(found, texts)
    with pytest.raises(InputError, match="must be one of"):
        assignments.parse_values(found, {"max_depth": "4", "max_features": "1", "n_estimators": "11"})


TEMPLATE = {
    "primaryContainerName": "trial",
    "trialParameters": [
        {"name": "depth", "reference": "max_depth"},
        {"name": "features", "reference": "max_features"},
        {"name": "trees", "reference": "n_estimators"},
        {"name": "trial", "reference": "${trialSpec.Name}"},
    ],
    "trialSpec": {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "trial",
                            "args": [
                                "${trialParameters.depth}",
                                "${trialParameters.features}",
                                "${trialParameters.trees}",
                                "${trialParameters.trial}",
                            ],
                        }
                    ]
                }
            }
        },
    },
}


def template(change: Any) -> Any:
    """A change of the trial's template."""

    def changed(made: dict[str, Any]) -> None:
        made["spec"]["trialTemplate"] = copy.deepcopy(TEMPLATE)
        change(made["spec"]["trialTemplate"])

    return changed


def test_a_sound_template_passes() -> None:
    """References may be the trial's own name."""
    assert parsed(template(lambda _: None)).name == "forest"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("primaryContainerName"), "primaryContainerName"),
        (lambda t: t.pop("trialSpec"), "trialSpec"),
        (lambda t: t["trialSpec"].pop("kind"), "apiVersion and kind"),
        (lambda t: t["trialSpec"].update(metadata={"name": "x"}), "leave its metadata's name"),
        (lambda t: t["trialParameters"].pop(0), "refer to each of its parameters; 'max_depth'"),
        (lambda t: t["trialParameters"].pop(3), "must be one of trialParameters"),
        (lambda t: t["trialParameters"].append({"name": "more", "reference": "${trialSpec.Kind}"}), "'more' does not"),
        (lambda t: t["trialParameters"][0].update(reference="deep"), "one of the Experiment's"),
        (lambda t: t["trialParameters"][0].update(reference="max_features"), "unique"),
        (lambda t: t["trialParameters"][0].pop("reference"), "a name and a reference"),
    ],
)
def test_what_is_wrong_with_a_template_is_named(change: Any, says: str) -> None:
    """Each of the webhook's rules has a sentence."""
    with pytest.raises(InputError, match=says):
        parsed(template(change))


@given(st.sampled_from(["min", "max", "latest"]), st.lists(st.floats(-9, 9), min_size=1))
def test_a_strategy_chooses_among_what_was_reported(strategy: Any, reported: list[float]) -> None:
    """Without one the best counts, which flatters a partial score."""
    objective = experiment.Objective("roc_auc", "maximize", strategies={"roc_auc": strategy})
    expected = {"min": min(reported), "max": max(reported), "latest": reported[-1]}[strategy]
    assert objective.value(reported) == expected
    assert experiment.Objective("roc_auc", "maximize").value(reported) == max(reported)
    assert experiment.Objective("rmse", "minimize").value(reported) == min(reported)


@pytest.mark.parametrize("name", sorted(path.stem for path in (REPOSITORY / "experiments" / "spaces").glob("*.yaml")))
def test_every_shipped_experiment_can_be_run(name: str) -> None:
    """Whatever lies in the folder is read, and counts the last value that a trial reports."""
    found = experiment_yaml.load_shipped(name)
    assert found.objective.strategies == dict.fromkeys(found.objective.metrics, "latest")
    assert 0 < found.parallel <= found.max_trials
    assert found.max_failed > 0

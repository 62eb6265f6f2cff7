"""What Katib refuses, what it takes and never starts, and what it takes: field by field.

Each verdict of the webhook was had from Katib's own: its validator (33c8ff4, June 2026) was compiled and given the same
documents, by the way of ``kubectl`` and the API server. Those of the services were read from their source.
"""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.cluster.api import yaml_documents
from headrace.core.base.errors import InputError
from headrace.experiments.manifests import experiment_yaml
from headrace.experiments.search import suggestion
from headrace.experiments.space.search_space import NumberRange, ValueChoice

DOCUMENT = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: forest
  labels: {headrace/family: random_forest}
spec:
  objective:
    type: maximize
    objectiveMetricName: roc_auc
    goal: 0.99
    additionalMetricNames: [log_loss]
    metricStrategies: [{name: roc_auc, value: latest}]
  algorithm:
    algorithmName: tpe
    algorithmSettings: [{name: random_state, value: "7"}]
  resumePolicy: Never
  parallelTrialCount: 3
  maxTrialCount: 6
  maxFailedTrialCount: 3
  parameters:
    - {name: max_depth, parameterType: int, feasibleSpace: {min: "2", max: "8", step: "2"}}
    - {name: max_features, parameterType: double, feasibleSpace: {min: "0.1", max: "1.0", step: "0.1"}}
    - {name: n_estimators, parameterType: discrete, feasibleSpace: {list: ["10", "20"]}}
  metricsCollectorSpec: {collector: {kind: StdOut}}
  trialTemplate:
    primaryContainerName: trial
    trialParameters:
      - {name: depth, reference: max_depth}
      - {name: features, reference: max_features}
      - {name: trees, reference: n_estimators}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        backoffLimit: 0
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: trial
                image: trial:1
                command: [run]
                args: ["${trialParameters.depth}", "${trialParameters.features}", "${trialParameters.trees}"]
"""
TREES = 'parameterType: discrete, feasibleSpace: {list: ["10", "20"]}'
DEPTH = 'min: "2", max: "8", step: "2"'
FEATURES = 'min: "0.1", max: "1.0", step: "0.1"'
COLLECTOR = "metricsCollectorSpec: {collector: {kind: StdOut}}"
TPE = 'algorithmName: tpe\n    algorithmSettings: [{name: random_state, value: "7"}]'
STOPPING = '\n  earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: start_step, value: "0"}]}'
LABEL = "reference: n_estimators}\n      - {name: l, reference: '${trialSpec.Labels[a]}'}"
COMMAND = "command: [run]\n"
SPEC = "backoffLimit: 0\n"


def collects(kind: str, source: str = "") -> tuple[str, str]:
    """Another collector of metrics."""
    return COLLECTOR, f"metricsCollectorSpec: {{collector: {{kind: {kind}}}, source: {{{source}}}}}"


def searches(algorithm: str, settings: str = "") -> tuple[str, str]:
    """Another algorithm."""
    return TPE, f"algorithmName: {algorithm}\n    algorithmSettings: [{settings}]"


def container(field: str) -> tuple[str, str]:
    """A further field of the trial's container."""
    return COMMAND, f"{COMMAND}                {field}\n"


def pod(field: str) -> tuple[str, str]:
    """A further field of the trial's pod."""
    return "restartPolicy: Never\n", f"restartPolicy: Never\n            {field}\n"


Change = tuple[str, str]
TAKEN: dict[str, list[Change]] = {
    "as it stands": [("", "")],
    "counts that are whole numbers, however they are written": [
        ("maxTrialCount: 6", "maxTrialCount: 6.0"),
        ("maxTrialCount: 6", "maxTrialCount: 6e0"),
        ("maxTrialCount: 6", "maxTrialCount: 0x6"),
        ("maxTrialCount: 6", "maxTrialCount: 0o6"),
        ("maxTrialCount: 6", "maxTrialCount: 1_000"),
        ("parallelTrialCount: 3", "parallelTrialCount: 2.0"),
        ("parallelTrialCount: 3", "parallelTrialCount: null"),
        ("maxFailedTrialCount: 3", "maxFailedTrialCount: 0"),
        ("maxFailedTrialCount: 3", "maxFailedTrialCount: 1e0"),
        ("maxTrialCount: 6", "maxTrialCount:"),
    ],
    "goals that are numbers": [
        ("goal: 0.99", "goal: 1"),
        ("goal: 0.99", "goal: 99e-2"),
        ("goal: 0.99", "goal: .99"),
        ("goal: 0.99", "goal: null"),
    ],
    "texts of numbers": [
        (DEPTH, 'min: "2.0", max: "8.0", step: "2.0"'),
        (DEPTH, 'min: "2", max: "1e1"'),
        (DEPTH, "min: '2', max: !!str 8"),
        (FEATURES, 'min: "1e-3", max: "1"'),
        (FEATURES, 'min: ".5", max: "1."'),
        (FEATURES, 'min: "0.1", max: "1", distribution: unknown'),
        (FEATURES, 'min: "0.1", max: "1", distribution: ""'),
        (FEATURES, 'min: "0.1", max: "1", step: "", list: []'),
        (FEATURES, 'min: "0.1", max: "1", step: "0.1", distribution: logUniform'),
        (FEATURES, 'min: "0.1", max: "1", step: "0.1", distribution: logNormal'),
        (FEATURES, 'min: "0.1", max: "1", distribution: normal'),
    ],
    "lists": [
        (TREES, 'parameterType: discrete, feasibleSpace: {list: ["10", "2e1"], distribution: uniform}'),
        (TREES, 'parameterType: discrete, feasibleSpace: {list: ["10"], min: "", max: null, step: ""}'),
    ],
    "resuming": [("Never", "LongRunning"), ("Never", "FromVolume"), ("resumePolicy: Never", "resumePolicy:")],
    "objectives": [
        ("additionalMetricNames: [log_loss]", "additionalMetricNames: []"),
        ("additionalMetricNames: [log_loss]", "additionalMetricNames:"),
        ("metricStrategies: [{name: roc_auc, value: latest}]", "metricStrategies: null"),
    ],
    "collectors": [
        (COLLECTOR, "metricsCollectorSpec: {}"),
        (COLLECTOR, "metricsCollectorSpec:"),
        (COLLECTOR, "metricsCollectorSpec: {source: {filter: {metricsFormat: ['([a-z]+)=(.*)']}}}"),
        collects("File"),
        collects("File", "fileSystemPath: {path: /tmp/metrics}"),
        collects("File", "fileSystemPath: {kind: File, format: JSON}"),
        collects("TensorFlowEvent"),
        collects("TensorFlowEvent", "fileSystemPath: {path: /tmp/events, kind: Directory}"),
        collects("PrometheusMetric"),
        collects("PrometheusMetric", "httpGet: {port: 9090.0, path: /own}"),
        collects("PrometheusMetric", 'httpGet: {port: "9090"}'),
        collects("Push"),
        (COLLECTOR, "metricsCollectorSpec: {collector: {kind: Custom, customCollector: {name: c, image: i}}}"),
        collects("File", "filter: {metricsFormat: ['{metricName: ([a-z]+), metricValue: ([.0-9]{1,9})}']}"),
        collects("File", r"filter: {metricsFormat: ['(?P<name>\pL+)=(?s:(.*))']}"),
    ],
    "settings": [
        searches("random"),
        searches("tpe", '{name: gamma, value: "0.2"}, {name: n_EI_candidates, value: " 7 "}'),
        searches("multivariate-tpe", '{name: n_startup_trials, value: "0"}'),
        searches("grid"),
        searches("sobol"),
        searches("cmaes", '{name: sigma, value: "1e-1"}'),
        ("algorithmSettings: [{name: random_state", "algorithmSettings: # [{name: random_state"),
        (TPE, f"{TPE}\n  earlyStopping: {{algorithmName: medianstop}}"),
    ],
    "templates": [
        ("primaryContainerName: trial", "primaryContainerName: trial\n    retain: true"),
        ("primaryContainerName: trial", "primaryContainerName: trial\n    primaryPodLabels: {a: '1'}"),
        ("      kind: Job\n", "      kind: Job\n      metadata: {labels: {a: b}}\n"),
        (SPEC, "backoffLimit: 0.0\n"),
        container("resources: {limits: {cpu: 1, memory: 1Gi, x/y: 2}}"),
        container("env: [{name: A, value: '1'}]"),
        container("ports: [{containerPort: 80.0}]"),
        container("livenessProbe: {httpGet: {port: http}, initialDelaySeconds: 3}"),
        container("securityContext: {privileged: false}"),
        pod("volumes: [{name: tmp, emptyDir: {}}]"),
        pod("automountServiceAccountToken: false"),
        pod("hostNetwork: true"),
    ],
    "what Kubernetes adds": [
        ("  name: forest\n", "  name: forest\n  uid: 6a\n  generation: 1\n  creationTimestamp: 2026-11-27T00:00:00Z\n"),
        ("\nspec:\n  objective", "\nstatus: {trials: 3}\nspec:\n  objective"),
    ],
}  # fmt: skip

REFUSED: dict[str, list[tuple[Change, str]]] = {
    "numbers where texts belong": [
        ((DEPTH, "min: 2, max: 8"), "feasibleSpace.min of e.yaml must be a text, .* got 2, which is a number"),
        ((DEPTH, 'min: "2", max: 8'), "feasibleSpace.max of e.yaml must be a text"),
        ((DEPTH, 'min: "2", max: "8", step: 2'), "feasibleSpace.step of e.yaml must be a text"),
        ((FEATURES, 'min: 1e-3, max: "1"'), "got 0.001, which is a number in YAML; put it in quotes"),
        ((FEATURES, 'min: .inf, max: "1"'), "must be a text"),
        ((TREES, "parameterType: discrete, feasibleSpace: {list: [10, 20]}"), r"list\[0\] of e.yaml must be a text"),
        ((TREES, "parameterType: categorical, feasibleSpace: {list: [true, false]}"), "got true, which is a truth"),
        ((TREES, "parameterType: categorical, feasibleSpace: {list: [y, n]}"), "got true, which is a truth"),
        ((TREES, "parameterType: categorical, feasibleSpace: {list: a}"), "must be a list"),
        (('value: "7"', "value: 7"), "algorithmSettings.0..value of e.yaml must be a text"),
        (("name: max_depth", "name: 1"), "parameters.0..name of e.yaml must be a text"),
        (("name: max_depth", "name: on"), "parameters.0..name of e.yaml must be a text"),
        (("objectiveMetricName: roc_auc", "objectiveMetricName: 1"), "objectiveMetricName of e.yaml must be a text"),
        (("[log_loss]", "[log_loss, 1]"), r"additionalMetricNames\[1\] of e.yaml must be a text"),
        (("value: latest", "value: 1"), "metricStrategies.0..value of e.yaml must be a text"),
        (("resumePolicy: Never", "resumePolicy: no"), "resumePolicy of e.yaml must be a text"),
        (("primaryContainerName: trial", "primaryContainerName: 1"), "primaryContainerName of e.yaml must be a text"),
        (
            ("primaryContainerName: trial", "primaryContainerName: trial\n    primaryPodLabels: {a: 1}"),
            "must be a text",
        ),
        (("reference: max_depth", "reference: 2"), "reference of e.yaml must be a text"),
        (("labels: {headrace/family: random_forest}", "labels: {headrace/family: 1}"), "must be a text"),
        (collects("StdOut", "filter: {metricsFormat: [1]}"), "must be a text"),
    ],
    "other types": [
        (("goal: 0.99", 'goal: "0.99"'), "goal of e.yaml must be a number, without quotes"),
        (("goal: 0.99", "goal: true"), "goal of e.yaml must be a number"),
        (("goal: 0.99", "goal: .inf"), "goal of e.yaml must be a number"),
        (("maxTrialCount: 6", 'maxTrialCount: "6"'), r"must be a whole number \(int32\), without quotes"),
        (("maxTrialCount: 6", "maxTrialCount: 6.5"), "must be a whole number"),
        (("maxTrialCount: 6", "maxTrialCount: 3000000000"), "must be a whole number"),
        (("maxTrialCount: 6", "maxTrialCount: yes"), "must be a whole number"),
        (("primaryContainerName: trial", 'primaryContainerName: trial\n    retain: "true"'), "must be true or false"),
        (("algorithmSettings: [{", "algorithmSettings: {name: a} # [{"), "algorithmSettings of e.yaml must be a list"),
        ((TREES, "parameterType: discrete, feasibleSpace: [10]"), "feasibleSpace of e.yaml must be a mapping"),
        (collects("PrometheusMetric", "httpGet: {port: 80.5}"), "port of e.yaml must be a whole number"),
        (collects("PrometheusMetric", "httpGet: {port: 0x}"), "port of e.yaml must be a positive whole number"),
    ],
    "rules of the webhook": [
        (("maxTrialCount: 6", "maxTrialCount: 2"), "at most its maxTrialCount, 2"),
        (("maxTrialCount: 6", "maxTrialCount: 0"), "at least 1"),
        (("parallelTrialCount: 3", "parallelTrialCount: -1.0"), "at least 1"),
        (("maxFailedTrialCount: 3", "maxFailedTrialCount: -1"), "at least 0"),
        (("name: forest", "name: Forest"), "lower-case letters"),
        (("resumePolicy: Never", "resumePolicy: Sometimes"), "resumePolicy of e.yaml must be one of"),
        (("type: maximize", "type: Maximize"), "maximize or minimize"),
        (("[log_loss]", "[roc_auc]"), "others than roc_auc"),
        ((DEPTH, 'max: "8"'), "min of the parameter 'max_depth'"),
        ((DEPTH, 'min: "2", max: "8", list: ["1"]'), "may hold"),
        ((DEPTH, 'min: "2", max: "8", distribution: cauchy'), "distribution of .* must be one of"),
        ((TREES, 'parameterType: discrete, feasibleSpace: {list: ["10"], step: "1"}'), "may hold"),
        ((TREES, 'parameterType: float, feasibleSpace: {list: ["10"]}'), "double, int, discrete or categorical"),
        (("algorithmName: tpe", "algorithmName: TPE"), "algorithmName of e.yaml must be one of"),
        ((COLLECTOR, "metricsCollectorSpec: {collector: {}}"), "the collector's kind of e.yaml must be one of"),
        (collects("stdout"), "the collector's kind"),
        (collects("File", "fileSystemPath: {path: metrics}"), "absolute path"),
        (collects("File", "fileSystemPath: {kind: Directory}"), "of the kind File"),
        (collects("File", "fileSystemPath: {format: CSV}"), "'CSV'"),
        (collects("File", "fileSystemPath: {format: JSON}, filter: {}"), "must have no filter"),
        (collects("TensorFlowEvent", "fileSystemPath: {format: TEXT}"), "must be left out"),
        (collects("TensorFlowEvent", "fileSystemPath: {kind: File}"), "of the kind Directory"),
        (collects("PrometheusMetric", "httpGet: {port: -1}"), "positive whole number"),
        (collects("PrometheusMetric", "httpGet: {path: own}"), "begin with a slash"),
        (collects("Custom"), "must have a customCollector"),
        (
            (COLLECTOR, "metricsCollectorSpec: {collector: {kind: Custom, customCollector: {name: 1}}}"),
            "must be a text",
        ),
        (collects("File", "filter: {metricsFormat: ['(a)=(?=b)(c)']}"), "look-around"),
        (collects("File", r"filter: {metricsFormat: ['(a)=\1(b)']}"), "regular expression of Go"),
        (collects("File", "filter: {metricsFormat: ['(a)']}"), "two groups"),
    ],
    "rules for templates": [
        (("primaryContainerName: trial", "retain: true"), "primaryContainerName"),
        (("      kind: Job\n", "      kind: Workflow\n"), "must have a successCondition and a failureCondition"),
        (("    trialSpec:", "    configMap: {configMapName: a}\n    trialSpec:"), "got both"),
        (("    trialSpec:", "    configMap: {configMapName: a}\n    spec:"), "got 'spec'|got .'spec'"),
        (("      kind: Job\n", "      kind: Job\n      metadata: {name: own}\n"), "leave its metadata's name"),
        (("name: depth", "name: '{depth'"), "without braces"),
        (container("env: [{name: A, value: 1}]"), r"env\[0\].value of e.yaml must be a text"),
        (container("env: [{name: A, value: ''}]"), "must hold something or be left out"),
        (("      kind: Job\n", "      kind: Job\n      metadata: {name: ''}\n"), "must hold something or be left out"),
        (container("env: []"), "must hold something or be left out"),
        (container("workingDir:"), "must hold something or be left out"),
        (container("tty: false"), "must hold something or be left out"),
        (container("imagePullpolicy: Never"), "got .'imagePullpolicy'., which Kubernetes does not know"),
        (("command: [run]", "command: [run, 1]"), r"command\[1\] of e.yaml must be a text"),
        (("command: [run]", "command: run"), "must be a list"),
        (container('ports: [{containerPort: "80"}]'), "must be a whole number"),
        ((SPEC, "backoffLimit: 0.5\n"), "backoffLimit of e.yaml must be a whole number"),
        ((SPEC, 'backoffLimit: "0"\n'), "backoffLimit of e.yaml must be a whole number"),
        ((SPEC, "backoffLimt: 0\n"), "backoffLimt"),
        (pod("hostNetwork: false"), "must hold something or be left out"),
        (pod("volumes: [{name: tmp, emptyDir: {medium: 1}}]"), "must be a text"),
    ],
}

NEVER_STARTED: dict[str, list[tuple[list[Change], str]]] = {
    "whole numbers that a service cannot read": [
        ([searches(name), (DEPTH, 'min: "2.0", max: "8"')], "write 2")
        for name in ("grid", "multivariate-tpe", "bayesianoptimization", "cmaes", "sobol")
    ]
    + [
        ([searches("multivariate-tpe"), (DEPTH, 'min: "2", max: "8", step: "2.0"')], "got '2.0'"),
        ([searches("hyperband", HYPERBAND := '{name: r_l, value: "8"}, {name: resource_name, value: max_depth}'),
          ("parallelTrialCount: 3", "parallelTrialCount: 4"), (TREES, TREES.replace("20", "2.5"))], "got '2.5'"),
        ([searches("sobol"), (FEATURES, 'min: " 0.1", max: "1"')], "without blanks"),
    ],
    "spaces from which nothing is drawn": [
        ([searches("grid"), (FEATURES, 'min: "0.1", max: "1"')], "must have a step"),
        ([searches("grid"), (FEATURES, 'min: "0.1", max: "1", distribution: normal')], "no normal distributions"),
        ([(DEPTH, 'min: "8", max: "2"')], "min below max"),
        ([(FEATURES, 'min: "0", max: "1", distribution: logUniform')], "positive min"),
        ([(TREES, "parameterType: categorical, feasibleSpace: {list: []}")], "list of values"),
        ([("parameterType: int", "parameterType: unknown")], "double, int, discrete or categorical"),
    ],
    "settings that a service refuses": [
        ([searches("random", '{name: random_state, value: "7.0"}')], "whole number"),
        ([searches("random", '{name: seed, value: "7"}')], "unknown setting"),
        ([(TPE, TPE + STOPPING)], "at least 1"),
    ],
    "filters that find nothing": [([collects("StdOut", "filter: {metricsFormat: ['(a)=(?=b)(c)']}")], "look-around")],
    "templates of which no pod is made": [
        ([("      - {name: trees, reference: n_estimators}\n", ""), (', "${trialParameters.trees}"', "")],
         "refer to each of its parameters; 'n_estimators'"),
        ([("primaryContainerName: trial", "primaryContainerName: other")], "one of the containers"),
        ([("reference: n_estimators}", LABEL), (COMMAND, 'command: [run, "${trialParameters.l}"]\n')],
         "one of the labels"),
    ],
}  # fmt: skip


def changed(*changes: Change) -> str:
    """The document after some replacements, each of which has found its place."""
    text = DOCUMENT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def cases(table: dict[str, list[Any]]) -> list[Any]:
    """The rows of a table, named by their kind."""
    return [pytest.param(row, id=f"{kind} {place}") for kind, rows in table.items() for place, row in enumerate(rows)]


@pytest.mark.parametrize("change", cases(TAKEN))
def test_what_katib_takes_is_taken(change: Change) -> None:
    """And trials can be asked of it."""
    found = experiment_yaml.parse(changed(change), source="e.yaml")
    assert suggestion.make(found, seed=0).ask(1)


@pytest.mark.parametrize("row", cases(REFUSED))
def test_what_the_webhook_refuses_is_refused_with_its_reason(row: tuple[Change, str]) -> None:
    """In one sentence that names the place."""
    change, says = row
    with pytest.raises(InputError, match=says) as caught:
        experiment_yaml.parse(changed(change), source="e.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("row", cases(NEVER_STARTED))
def test_what_katib_would_never_start_is_refused(row: tuple[list[Change], str]) -> None:
    """The webhook lets it pass, and the search would stand still or fail."""
    changes, says = row
    with pytest.raises(InputError, match=says):
        experiment_yaml.parse(changed(*changes), source="e.yaml")


@given(
    st.text(st.sampled_from("0123456789eE+-._xobynOFT~ "), max_size=6)
    | st.sampled_from(["on", "null", "<<", "1:30", "2026-01-01"])
)
@settings(deadline=None)
def test_texts_come_back_as_texts(text: str) -> None:
    """Whatever they look like to Kubernetes, or to another reader of YAML."""
    written = yaml_documents.dump({"a": text, text: "b"})
    assert yaml_documents.load(written, source="e.yaml") == {"a": text, text: "b"}
    assert yaml.safe_load(written) == {"a": text, text: "b"}


def test_a_space_is_what_its_texts_say() -> None:
    """Whole numbers may be written as 2.0 for the services of random and tpe, and logarithms may have steps."""
    found = experiment_yaml.parse(
        changed((DEPTH, 'min: "2.0", max: "8.0"'), (FEATURES, FEATURES + ", distribution: logUniform")), source="e.yaml"
    )
    assert found.space == {
        "max_depth": NumberRange(2, 8, whole=True),
        "max_features": NumberRange(0.1, 1, step=0.1, log=True),
        "n_estimators": ValueChoice((10.0, 20.0)),
    }
    drawn = {values["max_features"] for _, values in suggestion.make(found, seed=0).ask(50)}
    assert drawn <= {0.1 + step * 0.1 for step in range(10)} | {1.0}
    assert len(drawn) > 3


def test_a_key_given_twice_is_refused() -> None:
    """Kubernetes' clients would take the last one in silence."""
    with pytest.raises(InputError, match="the key 'goal' is given twice"):
        experiment_yaml.parse(changed(("goal: 0.99", "goal: 0.99\n    goal: 0.5")), source="e.yaml")


def test_nothing_is_sent_that_was_not_written() -> None:
    """What goes to Katib are the document's own texts, and its whole numbers whole."""
    found = experiment_yaml.parse(changed(("maxTrialCount: 6", "maxTrialCount: 6.0")), source="e.yaml")
    assert found.document["spec"]["maxTrialCount"] == 6
    assert isinstance(found.document["spec"]["maxTrialCount"], int)
    assert found.document["spec"]["parameters"][0]["feasibleSpace"] == {"min": "2", "max": "8", "step": "2"}

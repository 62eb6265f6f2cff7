"""One sample for each component: what it runs with, and one thing that it must refuse.

The artifacts are those of the session's line; a broken input is a broken copy of one of them.
"""

from dataclasses import dataclass, field
from typing import Any

Artifact = tuple[str, str]  # step and output of the line that made it


@dataclass(frozen=True)
class Sample:
    """How to run a component by itself.

    Attributes:
        arguments: Its parameters; ``{table}`` stands for the path of the line's table, ``{labelled}`` for one like it
            whose rows have a ``time``, ``{bundle}`` for the line's bundle, ``{folder}`` for an empty folder.
        inputs: Its input artifacts, by name.
        bad: Parameters in place of good ones, such that it must fail; empty if ``broken`` is given.
        broken: Name of an input artifact whose content is replaced by nonsense, such that it must fail.
        says: What the sentence with which it fails must hold.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Artifact] = field(default_factory=dict)
    bad: dict[str, Any] = field(default_factory=dict)
    broken: str = ""
    says: str = ""


_TABLE = ("ingest", "table")
_CONTRACT = ("infer_contract", "contract")
_VALID = ("validate", "valid_table")
_TRAIN = ("split", "train_table")
_TEST = ("split", "test_table")
_ACTUALS = ("split", "test_actuals")
_MODEL = ("train", "model")
_EVALUATION = ("evaluate", "evaluation")
_BEST = ("tune", "best_parameters")
_BUNDLE = ("package", "bundle")

SAMPLES = {
    "collect": Sample(
        arguments={"model": "{bundle}", "sources": ["{table}"], "store": "{table}.monitoring"},
        bad={"store": "ftp://x"},
        says="ftp://x",
    ),
    "score": Sample(inputs={"bundle": _BUNDLE, "table": _TABLE}, broken="bundle", says="manifest"),
    "join_labels": Sample(
        arguments={
            "model": "{bundle}",
            "labels": "{table}",
            "store": "{table}.monitoring",
            "request_id_column": "joined",
        },
        bad={"actual_column": "no such column"},
        says="no such column",
    ),
    "fingerprint": Sample(arguments={"source": "{table}"}, bad={"source": " "}, says="an empty text"),
    "ingest": Sample(arguments={"source": "{table}"}, bad={"source": "no/such/table.csv"}, says="no/such/table.csv"),
    "prepare": Sample(
        arguments={"source": "{table}"},
        inputs={"contract": _CONTRACT},
        bad={"source": "no/such/table.csv"},
        says="no/such/table.csv",
    ),
    "infer_contract": Sample(
        arguments={"name": "customers", "target": "churn"},
        inputs={"table": _TABLE},
        bad={"target": "chrun"},
        says="chrun",
    ),
    "validate": Sample(inputs={"table": _TABLE, "contract": _CONTRACT}, broken="contract", says="YAML"),
    "profile": Sample(inputs={"table": _VALID, "contract": _CONTRACT}, broken="contract", says="YAML"),
    "engineer": Sample(inputs={"table": _VALID, "contract": _CONTRACT}, broken="contract", says="YAML"),
    "split": Sample(
        inputs={"table": ("engineer", "feature_table"), "contract": _CONTRACT},
        bad={"test_size": 1.5},
        says="test size",
    ),
    "tune": Sample(
        arguments={"families": ["logistic"], "budget": "1"},
        inputs={"train_table": _TRAIN, "contract": _CONTRACT},
        bad={"families": ["oracle"]},
        says="oracle",
    ),
    "train": Sample(
        inputs={"train_table": _TRAIN, "contract": _CONTRACT, "best_parameters": _BEST},
        broken="best_parameters",
        says="JSON",
    ),
    "evaluate": Sample(
        inputs={"model": _MODEL, "train_table": _TRAIN, "test_table": _TEST, "test_actuals": _ACTUALS},
        bad={"slices": ["no such column"]},
        says="no such column",
    ),
    "gate": Sample(
        inputs={
            "evaluation": _EVALUATION,
            "model": _MODEL,
            "test_table": _TEST,
            "test_actuals": _ACTUALS,
            "checks": ("validate", "checks"),
        },
        bad={"metric_bounds": {"luck": 0.5}},
        says="luck",
    ),
    "package": Sample(
        inputs={
            "model": _MODEL,
            "contract": _CONTRACT,
            "train_table": _TRAIN,
            "test_table": _TEST,
            "test_actuals": _ACTUALS,
            "evaluation": _EVALUATION,
            "verdict": ("gate", "verdict"),
            "best_parameters": _BEST,
            "checks": ("validate", "checks"),
            "table": _TABLE,
        },
        broken="evaluation",
        says="JSON",
    ),
    "decide": Sample(
        arguments={"model": "{bundle}", "store": "{folder}/monitoring", "trained": "2024-01-01T00:00:00Z"},
        bad={"policy": "no/such/monitoring.yaml"},
        says="no/such/monitoring.yaml",
    ),
    "monitor": Sample(
        arguments={"model": "{bundle}", "store": "{folder}/monitoring"},
        bad={"model": "no/such/bundle"},
        says="no/such/bundle",
    ),
    "select_rows": Sample(
        arguments={"model": "{bundle}", "store": "{folder}/monitoring", "new": "{labelled}", "old": "{table}"},
        bad={"new": "no/such/table.csv"},
        says="no/such/table.csv",
    ),
    "publish": Sample(inputs={"bundle": _BUNDLE}, broken="bundle", says="manifest"),
    "register": Sample(
        arguments={"uri": "s3://b/models/c/0/", "optional": True},
        inputs={"bundle": _BUNDLE},
        broken="bundle",
        says="manifest",
    ),
    "deploy": Sample(arguments={"uri": "{uri}"}, bad={"uri": "s3://headrace/models/none/0000/"}, says="models/none"),
    "rollout": Sample(
        arguments={
            "candidate": "{uri}",
            "stable": "{uri}",
            "table": "{table}",
            "steps": [50, 100],
            "step_requests": 50,
        },
        bad={"platform": "moon"},
        says="local or kserve; got 'moon'",
    ),
    "verify_endpoint": Sample(
        arguments={"url": "{url}"},
        inputs={"bundle": _BUNDLE},
        bad={"url": "http://127.0.0.1:9/v1/models/none:predict"},
        says="127.0.0.1:9",
    ),
    "report_metrics": Sample(
        arguments={"result": "{table}.metrics.json"},
        inputs={"metrics": ("evaluate", "metrics")},
        bad={"result": "s3:/headrace/metrics.json"},
        says="s3://BUCKET/KEY",
    ),
    "report": Sample(
        inputs={
            "table": _TABLE,
            "contract": _CONTRACT,
            "checks": ("validate", "checks"),
            "trials": ("tune", "trials"),
            "evaluation": _EVALUATION,
            "verdict": ("gate", "verdict"),
            "bundle": _BUNDLE,
            "verification": ("verify_endpoint", "verification"),
        },
        broken="evaluation",
        says="JSON",
    ),
}

"""Components: for each, what KFP reads, and one call of its step."""

from headrace.components.data.engineer import engineer
from headrace.components.data.fingerprint import fingerprint
from headrace.components.data.infer_contract import infer_contract
from headrace.components.data.ingest import ingest
from headrace.components.data.prepare import prepare
from headrace.components.data.profile import profile
from headrace.components.data.split import split
from headrace.components.data.validate import validate
from headrace.components.monitoring.collect import collect
from headrace.components.monitoring.decide import decide
from headrace.components.monitoring.join_labels import join_labels
from headrace.components.monitoring.monitor import monitor
from headrace.components.monitoring.select_rows import select_rows
from headrace.components.release.deploy import deploy
from headrace.components.release.package import package
from headrace.components.release.publish import publish
from headrace.components.release.register import register
from headrace.components.release.rollout import rollout
from headrace.components.release.score import score
from headrace.components.release.verify_endpoint import verify_endpoint
from headrace.components.training.evaluate import evaluate
from headrace.components.training.gate import gate
from headrace.components.training.report import report
from headrace.components.training.report_metrics import report_metrics
from headrace.components.training.train import train
from headrace.components.training.tune import tune

__all__ = [
    "collect",
    "decide",
    "deploy",
    "engineer",
    "evaluate",
    "fingerprint",
    "gate",
    "infer_contract",
    "ingest",
    "join_labels",
    "monitor",
    "package",
    "prepare",
    "profile",
    "publish",
    "register",
    "report",
    "report_metrics",
    "rollout",
    "score",
    "select_rows",
    "split",
    "train",
    "tune",
    "validate",
    "verify_endpoint",
]

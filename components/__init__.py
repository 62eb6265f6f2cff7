"""Components: one thin module for each KFP component."""

from headrace.components.deploy import deploy
from headrace.components.engineer import engineer
from headrace.components.evaluate import evaluate
from headrace.components.fingerprint import fingerprint
from headrace.components.gate import gate
from headrace.components.infer_contract import infer_contract
from headrace.components.ingest import ingest
from headrace.components.package import package
from headrace.components.prepare import prepare
from headrace.components.profile import profile
from headrace.components.publish import publish
from headrace.components.register import register
from headrace.components.report import report
from headrace.components.report_metrics import report_metrics
from headrace.components.rollout import rollout
from headrace.components.score import score
from headrace.components.split import split
from headrace.components.train import train
from headrace.components.tune import tune
from headrace.components.validate import validate
from headrace.components.verify_endpoint import verify_endpoint

__all__ = [
    "deploy",
    "engineer",
    "evaluate",
    "fingerprint",
    "gate",
    "infer_contract",
    "ingest",
    "package",
    "prepare",
    "profile",
    "publish",
    "register",
    "report",
    "report_metrics",
    "rollout",
    "score",
    "split",
    "train",
    "tune",
    "validate",
    "verify_endpoint",
]

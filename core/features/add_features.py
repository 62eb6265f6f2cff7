"""Adds row features to a whole table, in a stream."""

from pathlib import Path

from headrace.core.contracts.contract_yaml import load
from headrace.core.features import row_features
from headrace.core.tables import parquet_table
from headrace.core.validation.table import blocks


def engineer_table(table: Path | str, *, contract: Path | str, feature_table: Path | str) -> dict[str, int]:
    """Add the contract's row features to a typed table.

    Args:
        table: Folder of the typed table.
        contract: Contract file.
        feature_table: Folder of the table to write.

    Returns:
        ``rows`` and ``features``, the number of columns added.
    """
    loaded = load(contract)
    with parquet_table.TableWriter(Path(feature_table)) as writer:
        for block in blocks(Path(table)):
            writer.write(row_features.add(block, loaded))
    return {"rows": writer.rows, "features": len(loaded.features)}

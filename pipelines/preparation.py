"""The preparation pipeline: a big table to validated, split parts in one streaming pass."""

from kfp import dsl

from headrace.components import prepare
from headrace.pipelines.wiring import with_records


@dsl.pipeline(
    name="headrace-preparation",
    description="A big table to validated, split Parquet with row features, in one pass and in flat memory.",
)
def preparation(
    source: str,
    contract: str,
    seed: int = 0,
) -> None:
    """Prepare a table by a contract made by a person.

    Args:
        source: Path, glob, ``http(s)://``, ``s3://`` or SQL address of the table.
        contract: Address of the data contract.
        seed: Seed of the split.
    """
    agreed = dsl.importer(artifact_uri=contract, artifact_class=dsl.Artifact)
    with_records(prepare(source=source, contract=agreed.output, seed=seed))

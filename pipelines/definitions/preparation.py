"""The preparation pipeline: from a big table to validated, split parts in one streaming pass."""

from kfp import dsl

from headrace.components import prepare
from headrace.pipelines.definitions.option_fields import describes
from headrace.pipelines.definitions.steps import with_records, with_store
from headrace.pipelines.definitions.training_options import TrainingOptions


@dsl.pipeline(
    name="headrace-preparation",
    description="From a big table to validated, split Parquet with row features, in one pass and constant memory.",
)
@describes(TrainingOptions, "source", "seed")
def preparation(
    source: str,
    contract: str,
    seed: int = 0,
) -> None:
    """Prepare a table by a contract made by a person.

    Args:
        contract: Path, ``http(s)://`` or ``s3://`` address of the data contract.
    """
    # The step fetches the contract itself: KFP's importer reads nothing but KFP's own store.
    prepared = prepare(source=source, contract_address=contract, seed=seed)
    prepared.set_caching_options(False)  # the content at either address may have changed
    with_store(prepared)
    with_records(prepared)

"""A pipeline that can be the trial of a search: from a table to metrics that it reports to an address."""

from kfp import dsl

from headrace.components import evaluate, report_metrics, train, tune
from headrace.pipelines.definitions.option_fields import describes
from headrace.pipelines.definitions.steps import add_data_steps, add_fingerprint_step, with_store
from headrace.pipelines.definitions.training_options import TrainingOptions


@dsl.pipeline(
    name="headrace-trial",
    description="From a table to reported metrics: ingest, validate, split, tune, train, evaluate, report.",
)
@describes(
    TrainingOptions, "source", "target", "positive", "test_size", "cost_false_positive", "cost_false_negative", "seed"
)
def trial(
    source: str,
    target: str,
    result: str,
    positive: str = "",
    family: str = "logistic",
    budget: str = "2",
    test_size: float = 0.25,
    cost_false_positive: float = 1.0,
    cost_false_negative: float = 1.0,
    seed: int = 0,
) -> None:
    """Train one family on a table and report how good it is on the test part.

    Args:
        result: Path or ``s3://`` address to which the metrics are written.
        family: Model family; its shipped search space is searched.
        budget: Trials of that search.
    """
    known_fingerprints = add_fingerprint_step(source=source, experiment=family)
    rows = add_data_steps(
        fingerprint_of=known_fingerprints,
        ingest_args={"source": source},
        contract_args={"name": "trial", "target": target, "positive": positive},
        split_args={"test_size": test_size, "seed": seed},
    )
    tuned = tune(
        train_table=rows.train_table,
        contract=rows.contract,
        experiment=family,
        budget=budget,
        seed=seed,
        fingerprint=known_fingerprints["experiment"],
    )
    fitted = train(
        train_table=rows.train_table,
        contract=rows.contract,
        best_parameters=tuned.outputs["best_parameters"],
        seed=seed,
    )
    evaluated = evaluate(
        model=fitted.outputs["model"],
        train_table=rows.train_table,
        test_table=rows.test_table,
        test_actuals=rows.test_actuals,
        cost_false_positive=cost_false_positive,
        cost_false_negative=cost_false_negative,
        robustness="off",
        seed=seed,
    )
    reported = report_metrics(metrics=evaluated.outputs["metrics"], result=result)
    reported.set_caching_options(False)
    with_store(reported)

"""The options of a training, in one place.

From these fields come the options of ``headrace run`` and ``headrace tune`` (and those of them that ``contract``,
``score``, ``demo`` and ``catalog add`` take), the parameters and texts of the pipelines ``training`` and ``replay``,
which step takes which of them, and, by ``make compiled``, the docstrings of these steps and the table of the guide
``docs/guides/options.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from headrace.pipelines.definitions.option_fields import OptionSpec, pipeline_values
from headrace.pipelines.definitions.training_checks import check_training

Texts = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The options of a training.

    A field's name is that of the pipeline's parameter; its annotation holds the rest.

    Raises:
        InputError: If a value is not allowed.
    """

    source: Annotated[
        str,
        OptionSpec(
            "Path, folder, glob, http(s)://, s3:// or SQL address of the table",
            steps="fingerprint ingest",
            metavar="TABLE",
            is_argument=True,
        ),
    ]
    target: Annotated[
        str,
        OptionSpec(
            "Column to predict; of a task anomaly the one with the labels there are, if any",
            unset="the given contract's",
            steps="infer_contract",
            metavar="COLUMN",
        ),
    ] = ""
    task: Annotated[
        str,
        OptionSpec(
            "Kind of task: binary, multiclass, regression, or anomaly, which needs no target",
            unset="inferred",
            steps="infer_contract",
            choices=("binary", "multiclass", "regression", "anomaly"),
        ),
    ] = ""
    name: Annotated[
        str, OptionSpec("Name of the model and of its endpoint", unset="the table's", steps="infer_contract")
    ] = "model"
    contract: Annotated[
        str,
        OptionSpec(
            "Path, http(s):// or s3:// address of a data contract to hold the table to, made by `contract`",
            unset="inferred",
            steps="fingerprint infer_contract.contract_address",
        ),
    ] = ""
    column_names: Annotated[
        Texts, OptionSpec("Column names of a CSV, in place of its header if it has one", steps="ingest", commas=True)
    ] = ()
    header: Annotated[bool, OptionSpec("Whether the first line of a CSV holds the names", steps="ingest")] = True
    delimiter: Annotated[
        str, OptionSpec("Field separator of a CSV: one character, or tab", unset="detected", steps="ingest")
    ] = ""
    encoding: Annotated[
        str, OptionSpec("Text encoding of a CSV", unset="UTF-8, or what a byte-order mark says", steps="ingest")
    ] = ""
    skip_lines: Annotated[
        int, OptionSpec("Lines of a CSV before its header", unset="detected", unit="lines", steps="ingest", metavar="N")
    ] = -1
    comment: Annotated[
        str, OptionSpec("What comment lines of a CSV begin with", unset="detected", steps="ingest", metavar="TEXT")
    ] = ""
    missing_values: Annotated[
        Texts,
        OptionSpec(
            "Texts that stand for a missing value",
            unset="the usual ones",
            steps="ingest",
            metavar="TEXT",
        ),
    ] = ()
    time_column: Annotated[
        str,
        OptionSpec(
            "Timestamp to split by: the latest rows are the test",
            steps="infer_contract",
            metavar="COLUMN",
        ),
    ] = ""
    id_columns: Annotated[
        Texts, OptionSpec("Columns that identify a row", steps="infer_contract", metavar="COLUMN")
    ] = ()
    group_column: Annotated[
        str,
        OptionSpec(
            "Column whose equal values the split keeps together",
            steps="infer_contract",
            metavar="COLUMN",
        ),
    ] = ""
    drop_columns: Annotated[
        Texts, OptionSpec("Columns to leave out", steps="ingest infer_contract", metavar="COLUMN")
    ] = ()
    hash_columns: Annotated[
        Texts,
        OptionSpec(
            "Columns to keep only as a keyed hash",
            steps="ingest infer_contract",
            metavar="COLUMN",
        ),
    ] = ()
    positive: Annotated[
        str,
        OptionSpec(
            "Class whose probability is reported, for a binary task",
            unset="by its meaning, else the rarer one",
            steps="infer_contract",
        ),
    ] = ""
    country: Annotated[
        str,
        OptionSpec(
            "ISO 3166 code of the country whose public holidays and notation matter, such as US", steps="infer_contract"
        ),
    ] = ""
    decimal: Annotated[
        str, OptionSpec("Decimal mark: a dot or a comma", unset="detected", steps="infer_contract", metavar="MARK")
    ] = ""
    thousands: Annotated[
        str,
        OptionSpec(
            "Mark between groups of three digits: . , ' or a blank",
            command_help="Mark between groups of three digits: . , ' or space",
            unset="detected",
            steps="infer_contract",
            metavar="MARK",
        ),
    ] = ""
    families: Annotated[Texts, OptionSpec("Model families to search", unset="three", steps="tune", commas=True)] = ()
    experiment: Annotated[
        str,
        OptionSpec(
            "Path or address of a Katib Experiment that declares the search, or a shipped one's name",
            unset="the families' own",
            steps="fingerprint tune",
            metavar="FILE",
            command_help="Katib Experiment that declares the search, or a shipped one's name",
        ),
    ] = ""
    budget: Annotated[
        str,
        OptionSpec("Trials (20) or time (90s, 5m, 1h) of the search", unset="four trials of each family", steps="tune"),
    ] = ""
    folds: Annotated[
        int, OptionSpec("Folds of the cross-validation", unset="5, or 3 from 10,000 rows on", steps="tune", minimum=0)
    ] = 0
    nested: Annotated[
        bool,
        OptionSpec(
            "Whether the search itself is cross-validated too: as many searches more as there are folds",
            steps="tune",
        ),
    ] = False
    tuner: Annotated[
        str,
        OptionSpec(
            "Where trials run: local, in the step, or katib, each in a pod of its own",
            steps="tune",
            choices=("local", "katib"),
        ),
    ] = "local"
    journal: Annotated[
        str,
        OptionSpec(
            "File or folder in which finished trials are kept while a local search runs",
            unset="none",
            steps="tune",
            is_typed=False,
        ),
    ] = ""
    deadline: Annotated[
        str, OptionSpec("Maximum time of a search on Katib, such as 2h", unset="a day", steps="tune")
    ] = ""
    cleanup: Annotated[
        str,
        OptionSpec(
            "When Katib's Experiments are deleted: always, succeeded or never",
            steps="tune",
            choices=("always", "succeeded", "never"),
        ),
    ] = "succeeded"
    search_namespace: Annotated[
        str,
        OptionSpec(
            "Namespace of Katib's Experiments",
            unset="the context's, or the step's own",
            steps="tune",
            flags="--namespace -n",
            metavar="NAME",
        ),
    ] = ""
    test_size: Annotated[
        float, OptionSpec("Share of rows for the test part, above 0 and below 1", unit="share of rows", steps="split")
    ] = 0.2
    split_method: Annotated[
        str,
        OptionSpec(
            "How rows are divided: random, stratified, time or group",
            unset="by the contract",
            steps="split.method",
        ),
    ] = ""
    split_format: Annotated[
        int,
        OptionSpec(
            "How sides are drawn; 1 repeats the split of a bundle whose provenance names no format",
            steps="split.format",
            is_typed=False,
        ),
    ] = 2
    slices: Annotated[
        Texts,
        OptionSpec("Columns by whose values metrics are repeated", steps="evaluate", metavar="COLUMN"),
    ] = ()
    cost_false_positive: Annotated[
        float, OptionSpec("Cost of a false positive, for the choice of the threshold", steps="evaluate")
    ] = 1.0
    cost_false_negative: Annotated[
        float, OptionSpec("Cost of a false negative, for the choice of the threshold", steps="evaluate")
    ] = 1.0
    alert_budget: Annotated[
        str,
        OptionSpec(
            "Alerts of a task anomaly that people can look at: per 1,000 rows (10), or per day (20/day)",
            unset="10",
            steps="evaluate",
            metavar="NUMBER",
        ),
    ] = ""
    metric_bounds: Annotated[
        Mapping[str, float],
        OptionSpec(
            'Least values by metric, or largest where less is better, such as {"roc_auc": 0.8}',
            command_help="Least value of a metric, or largest where less is better",
            steps="gate",
            metavar="METRIC=NUMBER",
        ),
    ] = field(default_factory=dict)
    champion: Annotated[
        str,
        OptionSpec(
            "Path or address of the bundle that the model must beat",
            unset="the baseline",
            steps="fingerprint gate",
            metavar="MODEL",
            command_help="Model to beat: a bundle's folder or address, or NAME@production",
        ),
    ] = ""
    card: Annotated[
        str,
        OptionSpec(
            "Path or address of a card file with answers for the model card and the risk sheet",
            unset="none",
            steps="fingerprint package.card_answers",
            metavar="FILE",
            command_help="Card file with answers for the model card and the risk sheet; see `card`",
        ),
    ] = ""
    include_data: Annotated[
        bool,
        OptionSpec("Whether training and test rows are copied into the bundle", steps="package"),
    ] = False
    publish: Annotated[
        bool,
        OptionSpec("Whether a model that passes is published; if not, the run ends with its bundle", is_typed=False),
    ] = True
    serve: Annotated[
        bool,
        OptionSpec(
            "Whether a published model is deployed and verified; if not, the run ends with what was published",
            is_typed=False,
        ),
    ] = True
    deploy_platform: Annotated[
        str,
        OptionSpec("Where a published model is served: kserve, or local by the machine of the step", is_typed=False),
    ] = "kserve"
    seed: Annotated[
        int, OptionSpec("Seed of every random choice", steps="split tune train evaluate gate", minimum=0)
    ] = 0

    def __post_init__(self) -> None:
        """Raise now for what a step would reject only after all steps before it have run."""
        check_training(TrainingOptions, vars(self))

    def pipeline_arguments(self) -> dict[str, Any]:
        """Return the arguments of the training pipeline."""
        return pipeline_values(self)

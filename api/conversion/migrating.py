"""What other systems made: files of Kubeflow Pipelines v1, models of MLflow."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.core.bundles.bundle import Bundle
    from headrace.migration.migrate import MigrationReport


def migrate(
    sources: str | Path | Sequence[str | Path],
    *,
    folder: str | Path | None = None,
    overwrite: bool = False,
    keep_text: bool = False,
) -> "MigrationReport":
    """Migrate component files and pipelines of KFP v1 to v2, as ``headrace migrate`` does; no pipeline is run.

    Args:
        sources: Component files, Python files with pipelines, or folders of them.
        folder: Where the new files are written; None for beside the old ones.
        overwrite: Whether files that exist are replaced; without ``folder`` these are the old files.
        keep_text: Whether parameters of components are texts wherever KFP 2 would write them otherwise than v1.

    Returns:
        What became of each file, and what remains for a person.

    Raises:
        InputError: If a file that was named is none of v1, or a file would be replaced; nothing is written then.
        MissingError: If there is no such file.
    """
    from headrace.migration.migrate import migrate_files  # noqa: PLC0415 - it is imported when it is used

    given = [sources] if isinstance(sources, str | Path) else sources
    return migrate_files(
        [Path(one) for one in given],
        folder=None if folder is None else Path(folder),
        overwrites=overwrite,
        keep_text=keep_text,
    )


def import_model(
    model: str | Path,
    output: str | Path,
    *,
    registry: str = "",
    name: str = "",
    target: str = "",
    classes: Sequence[str] = (),
    positive: str = "",
    column_names: Sequence[str] = (),
    threshold: float | None = None,
    card: str | Path = "",
    in_sandbox: bool = False,
) -> "Bundle":
    """Make a bundle of a model that MLflow stored, as ``headrace import`` does; no code of the model is run.

    Args:
        model: A folder with ``MLmodel``, ``runs:/RUN/PATH``, ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``,
            ``models:/m-ID`` or ``s3://BUCKET/PREFIX``.
        output: The bundle's folder; it must not exist yet.
        registry: Where runs and registered models are: an MLflow server, a SQLite file, or a folder ``mlruns``; empty
            for ``HEADRACE_REGISTRY``, or else ``headrace-out/registry.db``.
        name: Name of the bundle; empty for the registered model's, or its folder's.
        target: Name of the predicted column, which MLflow does not know; empty for ``target``.
        classes: Names of the classes in the order of the probabilities; empty for the model's own.
        positive: Class whose probability is reported, for two classes; empty for the second one.
        column_names: Names of the columns of a model that takes one array; empty for ``x0``, ``x1`` and so on.
        threshold: Lowest probability of the positive class at which it is predicted; None for the model's own, 0.5.
        card: File with people's answers for card and risk sheet; empty for none.
        in_sandbox: Whether a pickled model of scikit-learn is loaded, which runs its code, in a process without
            network, keys and files of yours; what comes back is data, and checked as such.

    Returns:
        The new bundle.

    Raises:
        InputError: If the model cannot be imported; the sentence says why. Nothing is written then.
        MissingError: If there is no such model.
        StoreError: If a server or a store is down or refuses the login.
    """
    from headrace.core.packaging.cards import card_answers  # noqa: PLC0415 - imported when it is used
    from headrace.model_import.contract import PredictionNames  # noqa: PLC0415
    from headrace.model_import.import_model import ImportOptions  # noqa: PLC0415
    from headrace.model_import.import_model import import_model as import_stored  # noqa: PLC0415

    options = ImportOptions(
        name=name,
        prediction=PredictionNames(target or "target", tuple(classes), positive),
        column_names=tuple(column_names),
        threshold=threshold,
        answers=card_answers.load(Path(card)) if card else card_answers.CardAnswers(),
        in_sandbox=in_sandbox,
    )
    return import_stored(str(model), Path(output), registry=registry, options=options)

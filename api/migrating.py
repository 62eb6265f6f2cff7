"""Files of Kubeflow Pipelines v1."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

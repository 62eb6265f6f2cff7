"""Projects of a user's own, made from a template."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.project_template.create_project import Project


def create_project(
    name: str, *, folder: str | Path = ".", table: str | Path | None = None, target: str = ""
) -> "Project":
    """Create a project, as ``headrace new`` does: table, contract, pipeline, tests and CI (docs/guides/projects.md).

    Args:
        name: Name of the project, its pipeline and its model: at most 40 lower-case letters, digits and dashes.
        folder: Folder in which the project's own is created.
        table: File with a table of at most 100 MB, which is copied; by default an example is made up.
        target: Column to predict; needed with ``table``.

    Returns:
        Where it is, and what was assumed about the table.

    Raises:
        InputError: If Kubernetes would not take the name, the folder exists, or table and target do not fit.
        MissingError: If the table does not exist.
        DataError: If the table cannot be read, or the target cannot be predicted.
    """
    from headrace.project_template import create_project as template  # noqa: PLC0415 - it is imported when it is used

    return template.create_project(
        name, parent=Path(folder), table=None if table is None else Path(table), target=target
    )

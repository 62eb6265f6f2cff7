"""Where the folder of a run is, for the notebook that belongs to it."""

import sys
from pathlib import Path

from headrace.core.base.errors import MissingError
from headrace.core.base.settings import notebook_path
from headrace.pipelines.local.run_notebook import summary_digest


def find_run(digest: str, *, folder: str | Path) -> Path:
    """Return the folder of a run by the digest of its summary, wherever it was moved with its notebook.

    It is looked for beside the notebook that calls this, in the working folder, and where the run wrote it.

    Args:
        digest: First digits of the SHA-256 of its ``summary.json``, as the run's notebook has them.
        folder: Where the run wrote it.

    Raises:
        MissingError: If none of these folders holds that run.
    """
    places = [*_notebook_folders(), Path.cwd(), Path(folder)]
    for place in places:
        try:
            content = (place / "summary.json").read_bytes()
        except OSError:
            continue
        if digest and summary_digest(content).startswith(digest):
            return place
    listed = ", ".join(dict.fromkeys(map(str, places)))
    raise MissingError(
        f"the run of this notebook must be beside it or in {folder}; it is in none of {listed}: open the run by its "
        "folder, hr.open_run(FOLDER)."
    )


def _notebook_folders() -> list[Path]:
    """Return the folder of the notebook whose kernel this is, as far as its program tells it."""
    main = getattr(sys.modules.get("__main__"), "__vsc_ipynb_file__", "")  # Visual Studio Code sets this variable
    paths = [Path(text) for text in (notebook_path(), str(main)) if text]
    return [path.parent for path in paths if path.is_absolute()]

"""The argument MODEL of commands; what it may be is documented in ``headrace.api.model_reference``."""

from typing import Annotated

import typer

Model = Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a run or a bundle, store URI, or NAME@VERSION.")]

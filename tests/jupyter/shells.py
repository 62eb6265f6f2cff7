"""A shell of IPython inside a test's process, which leaves nothing behind."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def ipython_shell() -> Iterator[Any]:
    """Yield a shell without history; IPython puts its own module in the place of ``__main__``, which is put back."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    main = sys.modules["__main__"]
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        yield shell
    finally:
        InteractiveShell.clear_instance()
        sys.modules["__main__"] = main

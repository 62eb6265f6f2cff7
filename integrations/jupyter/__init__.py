"""The suite in IPython and Jupyter: ``%load_ext headrace.jupyter``.

It adds the magics ``%headrace`` and ``%%headrace``, which run command lines of the suite, and shows its results as
HTML. Loading it costs milliseconds: what a command needs is imported by the process that runs it.
"""

from typing import Any

from headrace.core.base.errors import InputError

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Add the magics and the views; IPython calls this on ``%load_ext headrace.jupyter``.

    Args:
        shell: IPython's shell.

    Raises:
        InputError: If there is no such shell.
    """
    if not hasattr(shell, "register_magic_function"):
        raise InputError(
            "headrace.jupyter must be loaded in IPython or Jupyter, by %load_ext headrace.jupyter; this is another "
            "Python: import headrace.api there."
        )
    from headrace.api.notebook.result_views import register_views  # noqa: PLC0415 - only a shell needs them
    from headrace.jupyter.magics import HeadraceMagics  # noqa: PLC0415 - it needs IPython

    register_views()
    shell.register_magics(HeadraceMagics)


def unload_ipython_extension(shell: Any) -> None:
    """Remove the magics; IPython calls this on ``%unload_ext headrace.jupyter``.

    Args:
        shell: IPython's shell.
    """
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("headrace", None)

"""Import KServe's gRPC messages without KServe's clients."""

import importlib.util
import sys
from types import ModuleType


def without_clients() -> None:
    """Let modules of KServe be imported without ``kserve/__init__.py``.

    That file imports the Kubernetes client and 1,100 other modules that a server never uses: two of its four seconds.
    For a process that only serves: names that ``kserve`` itself exports are absent afterwards.
    """
    if "kserve" in sys.modules:
        return
    spec = importlib.util.find_spec("kserve")
    if spec is None or spec.submodule_search_locations is None:
        return
    package = ModuleType("kserve")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules["kserve"] = package

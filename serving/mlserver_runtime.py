"""The runtime under the name that a bundle's ``model-settings.json`` has for it.

The classes are in ``headrace.serving.mlserver.runtime``; bundles keep this name for as long as they live.
"""

from headrace.serving.mlserver.runtime import DriftRuntime, ExplainerRuntime, HeadraceRuntime, OutlierRuntime

__all__ = ["DriftRuntime", "ExplainerRuntime", "HeadraceRuntime", "OutlierRuntime"]

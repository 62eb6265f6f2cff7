"""The flavours of MLflow: which of a model's files are read, and how; what would run code is refused here."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.model_import.imported_model import ImportedModel, ReadingOptions
from headrace.model_import.model_folder import ModelFolder
from headrace.model_import.onnx.import_onnx import import_onnx
from headrace.model_import.signature import Signature
from headrace.model_import.sklearn.import_sklearn import import_sklearn
from headrace.model_import.xgboost.import_xgboost import import_xgboost

_Importer = Callable[[ModelFolder, Mapping[str, Any], Signature, ReadingOptions], ImportedModel]
# The first of a model's flavours that stands here is read.
_IMPORTERS: dict[str, _Importer] = {"onnx": import_onnx, "xgboost": import_xgboost, "sklearn": import_sklearn}


def import_flavor(model: ModelFolder, name: str, signature: Signature, options: ReadingOptions) -> ImportedModel:
    """Read a model by one of its flavours.

    Args:
        model: The model's folder.
        name: The flavour, from ``choose_flavor``.
        signature: Its signature.
        options: What a person says of how it is read.

    Raises:
        InputError: If it cannot be read as data.
    """
    return _IMPORTERS[name](model, model.flavors[name], signature, options)


def choose_flavor(model: ModelFolder) -> str:
    """Return the flavour by which a model is read.

    Raises:
        InputError: If it has none that is read as data.
    """
    name = next((name for name in _IMPORTERS if name in model.flavors), "")
    if name:
        return name
    function = model.flavors.get("python_function", {})
    others = sorted(set(model.flavors) - {"python_function"})
    if others:
        raise InputError(
            f"{model.path} must have a flavour that is imported, {', '.join(_IMPORTERS)}; it has {', '.join(others)}."
        )
    raise InputError(
        f"{model.path} must have a flavour that is imported, {', '.join(_IMPORTERS)}; it is a Python function of its "
        f"own ({_function(function)}), which only running its code could load: no data say what it does, in a sandbox "
        "neither, so export the model inside it with one of these flavours."
    )


def _function(facts: Mapping[str, Any]) -> str:
    for key in ("model_code_path", "python_model", "loader_module"):
        if facts.get(key):
            value = facts[key]
            return f"{key} {quote(value if isinstance(value, str) else key)}"
    return "without a loader"

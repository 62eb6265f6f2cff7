"""The flavour ``sklearn`` of MLflow, in the skops format."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core.base.errors import InputError, quote
from headrace.model_import.imported_model import ImportedModel, ReadingOptions
from headrace.model_import.model_folder import ModelFolder
from headrace.model_import.sandbox.run import load_in_sandbox
from headrace.model_import.signature import Signature
from headrace.model_import.sklearn.matrix_pipeline import make_matrix_pipeline
from headrace.model_import.sklearn.single_precision import check_precision
from headrace.model_import.sklearn.skops_model import check_version, read_skops


def import_sklearn(
    model: ModelFolder, facts: Mapping[str, Any], signature: Signature, options: ReadingOptions
) -> ImportedModel:
    """Read a model of scikit-learn.

    Args:
        model: The model's folder.
        facts: What ``MLmodel`` says of the flavour.
        signature: The model's signature.
        options: Whether a pickle is loaded in a sandbox.

    Raises:
        InputError: If its file is a pickle, holds types that are not reviewed, or is of another version.
    """
    name = str(facts.get("pickled_model") or "")
    kind = str(facts.get("serialization_format") or "pickle")
    if kind != "skops" and not options.in_sandbox:
        raise InputError(
            f"{model.path} must hold its model in the skops format to be read as data; {quote(name)} is a {kind}, "
            "which runs code when it is loaded (autolog writes such ones): log the model again with "
            'serialization_format="skops", or import it in a sandbox by --in-sandbox.'
        )
    version = str(facts.get("sklearn_version") or "")
    check_version(model, version)
    source = str(model.find(name))
    if kind == "skops":
        return from_fitted(read_skops(model.read(name), source), signature, version=version)
    # What comes back is checked as any file: the code that wrote it may have written anything.
    paths = [str(facts["code"])] if facts.get("code") else []
    fitted = read_skops(load_in_sandbox(model.path, name, paths=paths), source)
    return replace(from_fitted(fitted, signature, version=version), code="sandbox")


def from_fitted(fitted: Any, signature: Signature, *, version: str) -> ImportedModel:
    """Return the imported model of a fitted one."""
    made = make_matrix_pipeline(fitted, signature.columns)
    check_precision(made.pipeline, made.columns)
    return ImportedModel(
        estimator=made.pipeline,
        columns=made.columns,
        ignored=made.ignored,
        classes=made.classes,
        family=made.family,
        flavor="sklearn",
        library=f"scikit-learn {version}",
        coded=made.coded,
    )

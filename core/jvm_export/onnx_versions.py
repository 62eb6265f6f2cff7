"""Versions of ONNX that the Java library's runtime reads; it lags behind the one that Python uses."""

from headrace.core.base.errors import InputError

RUNTIME = "1.26.0"
"""Version of ONNX Runtime for Java that ``jvm/pom.xml`` pins."""

LARGEST_IR = 13
LARGEST_OPSETS = {"": 26, "ai.onnx.ml": 5}
"""Largest versions that ONNX Runtime 1.26.0 for Java loads; a test loads these and the next ones."""


def check_versions(content: bytes) -> None:
    """Raise if the Java library could not load a model.

    Args:
        content: Bytes of ``model.onnx``.

    Raises:
        InputError: If the format or an operator set is newer than the runtime knows.
    """
    from onnx import load_model_from_string  # noqa: PLC0415 - 0.2 s that only an export needs

    model = load_model_from_string(content)
    versions = [("IR version", model.ir_version, LARGEST_IR)]
    versions += [
        (f"opset of {opset.domain or 'ai.onnx'}", opset.version, LARGEST_OPSETS.get(opset.domain, 0))
        for opset in model.opset_import
    ]
    for what, version, largest in versions:
        if version > largest:
            raise InputError(
                f"{what} of model.onnx must be at most {largest}, the newest that ONNX Runtime {RUNTIME} for Java "
                f"reads; got {version} instead: package the model with this Headrace, or serve it from Python."
            )

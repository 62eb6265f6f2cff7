"""What an image needs beside MLServer to serve a bundle, its detectors and its explanations."""

from importlib import metadata

from headrace.core.base.errors import MissingError
from headrace.core.bundles.bundle import Bundle
from headrace.core.packaging import distributions, environment
from headrace.serving.seldon.target import SeldonTarget

# MLServer 1.7.1's own image has another Python; a wheel of the suite needs 3.11.
_HEAD = """# What an image needs beside MLServer to serve {name} ({digest}):
#   pip install mlserver==1.7.1
#   pip install --no-deps --requirement {file}
"""


def list_requirements(bundle: Bundle, target: SeldonTarget, file: str) -> str:
    """Return a requirements file: the packages that the bundle was made with, as far as a server needs them.

    Args:
        bundle: The bundle.
        target: Which detectors and whether explanations are served.
        file: Name of the file, for its head.

    Raises:
        MissingError: If explanations are served and shap, whose version is not in the bundle, is not installed here.
    """
    roots = environment.serving_packages(
        str(bundle.json("engine.json")["engine"]), detectors=bool(target.detectors), explainer=target.explainer
    )
    needed = distributions.resolve_requirements(roots)
    if target.explainer and not any(one.name == "shap" for one in needed):
        raise MissingError("explanations need the package shap: install headrace[explain].")
    lines = (bundle.folder / environment.LOCKED).read_text(encoding="utf-8").splitlines()
    locked = {line.partition("==")[0]: line for line in lines if "==" in line}
    own = f"headrace=={metadata.version('headrace')}"
    pins = sorted({own, *(locked.get(one.name, one.pin) for one in needed)})
    return _HEAD.format(name=bundle.name, digest=bundle.digest[:12], file=file) + "".join(f"{pin}\n" for pin in pins)

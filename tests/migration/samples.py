"""V1 files as people wrote them, and what they become."""

import shutil
from pathlib import Path

V1 = Path(__file__).parent / "v1"
V2 = Path(__file__).parent / "v2"
COMPONENTS = ("train-classifier.yaml", "add-numbers.yaml")
PIPELINES = ("pipeline.py", "volumes.py")


def copy_sample(name: str, folder: Path) -> Path:
    """Copy a v1 file into a folder; Python files lie in the repository as texts, for no tool to format."""
    stored = V1 / (f"{name}.txt" if name.endswith(".py") else name)
    return Path(shutil.copyfile(stored, folder / name))


def expected(name: str) -> str:
    """Return the Python file that must come of a v1 file."""
    return (V2 / f"{name}.txt").read_text()

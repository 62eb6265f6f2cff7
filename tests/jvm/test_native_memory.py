"""A model gives back what it takes outside of Java's heap."""

import subprocess
from pathlib import Path

import pytest

from tests.jvm.conftest import ExportedModel
from tests.jvm.java_parts import JAVA, compile_java

pytestmark = pytest.mark.jvm

PROGRAM = Path(__file__).parent / "java" / "headrace" / "jvm" / "NativeMemory.java"
MOST_MEGABYTES = 12
"""A tensor that is not closed for each of 200,000 rows takes 49."""


def test_rows_and_models_leave_no_native_memory_behind(exported: ExportedModel, tmp_path: Path) -> None:
    """Closing twice is harmless, and a row that comes too late is a sentence, never the end of the process.

    ONNX Runtime 1.26.0 for Java: a session that is closed while another thread uses it may end the process.
    """
    classes = compile_java(tmp_path, PROGRAM, classpath=str(exported.jar.path))
    heap = ("-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch")  # the heap does not grow meanwhile
    done = subprocess.run(
        [*JAVA, *heap, "-cp", f"{classes}:{exported.jar.path}", "headrace.jvm.NativeMemory", str(exported.jar.path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts = {name: int(number) for name, number in (line.split() for line in done.stdout.splitlines())}
    assert facts["rows"] < MOST_MEGABYTES
    assert facts["models"] < MOST_MEGABYTES
    assert facts["closed"] == 4, "each of four threads is told"

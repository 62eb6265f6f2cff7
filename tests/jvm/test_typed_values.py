"""Values that SQL has and JSON lacks: whole numbers of several sizes, decimals, dates, timestamps, instants."""

import subprocess
from pathlib import Path

import pytest

from tests.jvm.conftest import ExportedModel
from tests.jvm.java_parts import JAVA, compile_java

pytestmark = pytest.mark.jvm

SOURCE = Path(__file__).parent / "java" / "headrace" / "jvm" / "TypedValues.java"
ROW = "12.5, 0.0, "
AT_TEN, AT_MIDNIGHT = (f"[40.0, {ROW}7.0, 1.0, 3.0, {hour}]" for hour in (10.0, 0.0))


def test_each_is_read_as_what_it_means(exported: ExportedModel, tmp_path: Path) -> None:
    """Instants in UTC, NaN as missing, decimals of any size without a failure; rows together are as rows alone."""
    jar = exported.jar.path
    classes = compile_java(tmp_path, SOURCE, classpath=str(jar))
    command = [*JAVA, "-cp", f"{classes}:{jar}", "headrace.jvm.TypedValues", str(jar)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert all(line.endswith(" true") for line in lines), "by one call of the engine or by many"
    found = [line.removesuffix(" true") for line in lines]
    assert found[:10] == [f"[40.0, {ROW}NaN, NaN, NaN, NaN]"] * 10
    assert found[10] == f"[NaN, {ROW}NaN, NaN, NaN, NaN]"
    assert found[11:16] == ["kind", "kind", "type", "kind", "kind"]
    assert found[16:] == [AT_TEN, AT_MIDNIGHT, AT_TEN, AT_TEN, AT_TEN, AT_MIDNIGHT, "kind", "kind"]

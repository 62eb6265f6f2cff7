"""What KFP 2's own reader makes of v1 files: why they are migrated before it reads them.

All seen with kfp 2.17.0 (``kfp.components.load_component_from_text``, ``kfp.dsl.structures``).
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, components, dsl

from tests.migration.components.test_command_lines import migrated
from tests.migration.v2_command import v2_command


def read_by_kfp(tmp_path: Path, command: list[Any], **rest: Any) -> str:
    """Load a v1 component by KFP and compile it."""
    container = {"image": "i", "command": command, **rest.pop("container", {})}
    text = yaml.safe_dump({"name": "a", "implementation": {"container": container}, **rest}, allow_unicode=True)
    compiler.Compiler().compile(components.load_component_from_text(text), str(tmp_path / "a.yaml"))
    return (tmp_path / "a.yaml").read_text()


@pytest.mark.parametrize(
    ("one", "part"),
    [
        ({"type": "GCSPath"}, "inputValue"),
        ({}, "inputValue"),
        ({"type": {"GCSPath": {"data_type": "CSV"}}}, "inputValue"),
        ({"type": "String"}, "inputPath"),
    ],
)
def test_kfp_loads_and_cannot_compile_what_is_migrated(one: dict[str, Any], part: str, tmp_path: Path) -> None:
    """It takes inputs for parameters or artifacts by type, not by use, and fails when it compiles."""
    inputs = [{"name": "x", **one}]
    with pytest.raises(TypeError, match="cannot be paired with"):
        read_by_kfp(tmp_path, [{part: "x"}], inputs=inputs)
    migrated({"inputs": inputs, "implementation": {"container": {"image": "i", "command": [{part: "x"}]}}})


def test_kfp_merges_inputs_whose_names_differ_in_case_or_spaces(tmp_path: Path) -> None:
    """Two inputs become one in silence, so one argument is passed twice; v1 kept both."""
    inputs = [{"name": "A b", "type": "String"}, {"name": "a-b", "type": "String"}]
    command = [{"inputValue": "A b"}, {"inputValue": "a-b"}]
    assert v2_command(read_by_kfp(tmp_path, command, inputs=inputs), {"a_b": "1"}) == ["1", "1"]
    component, compiled = migrated(
        {"inputs": inputs, "implementation": {"container": {"image": "i", "command": command}}}
    )
    assert [one.name for one in component.inputs] == ["a_b", "a_b_2"]
    assert v2_command(compiled, {"a_b": "1", "a_b_2": "2"}) == ["1", "2"]


def test_kfp_writes_null_for_an_optional_input_that_is_not_given(tmp_path: Path) -> None:
    """v1 left the argument out."""
    inputs = [{"name": "x", "type": "String", "optional": True}]
    command = ["p", {"inputValue": "x"}]
    assert v2_command(read_by_kfp(tmp_path, command, inputs=inputs), {}) == ["p", "null"]
    _, compiled = migrated({"inputs": inputs, "implementation": {"container": {"image": "i", "command": command}}})
    assert v2_command(compiled, {}) == ["p"]


def test_kfp_drops_fixed_output_paths_defaults_of_files_and_empty_arguments(tmp_path: Path) -> None:
    """In silence: ``fileOutputs``, an artifact's default, ``else: ''``, the fraction of an integer's default."""
    text = read_by_kfp(
        tmp_path,
        ["p", {"if": {"cond": {"isPresent": "y"}, "then": ["y"], "else": ""}}, {"inputPath": "x"}],
        inputs=[
            {"name": "x", "type": "CSV", "default": "a,b"},
            {"name": "y", "type": "String", "optional": True},
            {"name": "z", "type": "Integer", "default": 1.5},
        ],
        outputs=[{"name": "o", "type": "String"}],
        container={"fileOutputs": {"o": "/tmp/o"}},  # noqa: S108 - of the container
    )
    assert "/tmp/o" not in text  # noqa: S108
    definitions = yaml.safe_load(text)["root"]["inputDefinitions"]
    assert "defaultValue" not in definitions["artifacts"]["x"]
    assert definitions["parameters"]["z"]["defaultValue"] == 1
    assert '"Else"' not in text


def test_kfp_compiles_a_default_of_two_lines_to_what_it_cannot_read(tmp_path: Path) -> None:
    """The second line leaves the comment at the head of the YAML, and is read as a part of the document."""

    @dsl.container_component
    def two_lines(x: str = "a\nb") -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="i", command=["p", x])

    @dsl.container_component
    def one_more_key(x: str = "a\ndefaultPipelineRoot: gs://other #") -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="i", command=["p", x])

    compiler.Compiler().compile(two_lines, str(tmp_path / "a.yaml"))
    with pytest.raises(yaml.YAMLError):
        components.load_component_from_file(str(tmp_path / "a.yaml"))
    compiler.Compiler().compile(one_more_key, str(tmp_path / "b.yaml"))
    assert yaml.safe_load((tmp_path / "b.yaml").read_text())["defaultPipelineRoot"] == "gs://other"
    for default in ("a\nb", "a\ndefaultPipelineRoot: gs://other #"):
        inputs = [{"name": "x", "type": "String", "default": default}]
        container = {"image": "i", "command": [{"inputValue": "x"}]}
        _, compiled = migrated({"inputs": inputs, "implementation": {"container": container}})
        assert v2_command(compiled, {}) == [default]
        assert "defaultPipelineRoot" not in yaml.safe_load(compiled)
        components.load_component_from_text(compiled)

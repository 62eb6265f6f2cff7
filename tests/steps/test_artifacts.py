"""The metadata that artifacts carry from step to step."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.core.runtime.step_trace import content_digest, run_trace
from headrace.steps.artifacts import add_metadata, read_metadata, record_arguments, record_digests


@dataclass
class MadeArtifact:
    """An artifact without Kubeflow Pipelines."""

    path: str
    uri: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def _write(path: Path) -> MadeArtifact:
    path.write_text(path.name)
    return MadeArtifact(str(path))


def test_metadata_pass_a_pipeline_unchanged(tmp_path: Path) -> None:
    """Texts are escaped on the way, those in lists too; what was there before stays."""
    artifact = MadeArtifact("table", metadata={"rows": 3})
    facts = {"source": "python3.csv", "notes": [{"column": "{{$.x}}"}]}
    add_metadata(artifact, facts)
    assert "python3" not in str(artifact.metadata)
    assert "{{$" not in str(artifact.metadata)
    assert read_metadata(artifact) == {"rows": 3, **facts}


def test_arguments_are_recorded_for_a_replay() -> None:
    """As the step was given them; on the way they are one text that nothing rewrites."""
    artifact = MadeArtifact("table")
    record_arguments(artifact, source="python3.csv", skip_lines=-1)
    assert "python3" not in artifact.metadata["arguments"]
    assert run_trace({"ingest": artifact.metadata}, {})["arguments"] == {
        "ingest": {"source": "python3.csv", "skip_lines": -1}
    }


def test_digests_are_passed_on(tmp_path: Path) -> None:
    """An output carries the digests of all steps so far; further outputs of a step are named after their files."""
    table, valid, checks = (_write(tmp_path / name) for name in ("table", "valid_table", "checks"))
    record_digests(table, step="ingest", outputs=[table])
    record_digests(valid, step="validate", outputs=[valid, checks], after=table)
    assert valid.metadata["steps"] == {
        "ingest": content_digest(tmp_path / "table"),
        "validate": content_digest(tmp_path / "valid_table"),
        "validate.checks": content_digest(tmp_path / "checks"),
    }
    assert set(table.metadata["steps"]) == {"ingest"}

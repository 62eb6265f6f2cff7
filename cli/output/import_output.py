"""An imported model on the screen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.core.bundles.bundle import Bundle


def report_lines(bundle: "Bundle") -> Iterator[str]:
    """Yield what was imported, and what a person should know of it."""
    provenance, model, engine = (bundle.json(name) for name in ("provenance.json", "model.json", "engine.json"))
    imported = provenance["imported"]
    library = f", {imported['library']}" if imported["library"] else ""
    cases = len(bundle.json("cases.json")["cases"])
    yield f"{bundle.name} {bundle.digest}: {model['family']} ({imported['flavor']}{library}), {model['task']}"
    answers = "ONNX Runtime" if engine["engine"] == "onnx" else "scikit-learn"
    yield f"  {len(model['columns'])} columns, {cases} test cases, answered by {answers}"
    for note in provenance["findings"]:
        yield f"  {note['severity']}: {' '.join(filter(None, (note['sentence'], note['remedy'])))}"

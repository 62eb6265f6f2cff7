"""Lineage as a graph, from data to endpoint."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headrace.registry.catalog.queries import TableUse
from headrace.registry.models.state import ModelState
from headrace.registry.models.submission import ModelSubmission

Kind = Literal["data", "run", "model", "endpoint"]
KINDS: tuple[Kind, ...] = ("data", "run", "model", "endpoint")
MOST_RUNS = 20


@dataclass(frozen=True)
class LineageNode:
    """A node of the lineage.

    Attributes:
        id: Its unique name in the graph.
        kind: Its kind.
        title: Its title.
        lines: Further facts, one line each.
        style: ``good``, ``bad``, ``warn`` or empty.
    """

    id: str
    kind: Kind
    title: str
    lines: tuple[str, ...] = ()
    style: str = ""


@dataclass(frozen=True)
class LineageGraph:
    """The nodes, and which of them was made of which.

    Attributes:
        nodes: The nodes, each once, by kind and age.
        edges: Pairs of ids: a source, and what was made of it.
        left_out: Number of earlier runs that are left out.
    """

    nodes: tuple[LineageNode, ...]
    edges: tuple[tuple[str, str], ...]
    left_out: int = 0

    def of(self, kind: Kind) -> list[LineageNode]:
        """Return the nodes of one kind."""
        return [node for node in self.nodes if node.kind == kind]


def of_uses(uses: Sequence[TableUse], state: ModelState | None = None, *, earlier_runs: int = 0) -> LineageGraph:
    """Return the graph of a model's runs.

    Args:
        uses: Their uses of tables in the catalogue, oldest first.
        state: The model in the registry; None if it is not registered.
        earlier_runs: Number of runs before these.
    """
    runs = list(dict.fromkeys(use.run for use in uses))
    shown = set(runs[-MOST_RUNS:])
    nodes: dict[str, LineageNode] = {}
    edges: dict[tuple[str, str], None] = {}
    for use in uses:
        if use.run not in shown:
            continue
        data, run = f"data {use.table} {use.digest}", f"run {use.run}"
        nodes[data] = LineageNode(data, "data", use.table, (f"{use.rows:,} rows", f"digest {use.digest[:12]}"))
        nodes[run] = LineageNode(
            run, "run", f"run of {_minute(use.time)}", (f"by {use.person}", *_verdict(use.verdict)), _style(use)
        )
        edges[data, run] = None
        if not use.bundle:
            continue
        model = f"model {use.bundle}"
        nodes[model] = _model(model, use, state)
        edges[run, model] = None
        for endpoint in use.endpoints:
            node = _endpoint(endpoint, use)
            nodes[node.id] = node
            edges[model, node.id] = None
    ordered = sorted(nodes.values(), key=lambda node: KINDS.index(node.kind))
    return LineageGraph(tuple(ordered), tuple(edges), left_out=earlier_runs + len(runs) - len(shown))


def of_bundle(submission: ModelSubmission) -> LineageGraph:
    """Return the graph of a bundle from its own provenance, without registry and catalogue."""
    imported = submission.provenance.imported
    model = LineageNode(
        "model", "model", submission.name, (str(submission.model.get("family", "")), submission.digest[:12])
    )
    if imported is not None:
        lines = (f"run {imported.run}" if imported.run else "", f"digest {imported.digest[:12]}")
        title = imported.registered or imported.source
        source = LineageNode("source", "model", f"{imported.tool}: {title}", tuple(filter(None, lines)))
        made = LineageNode("run", "run", "imported", (submission.provenance.made_with,))
        return LineageGraph((source, made, model), (("source", "run"), ("run", "model")))
    table, rows = submission.provenance.table, submission.provenance.rows
    data = LineageNode(
        "data",
        "data",
        table.source or "table",
        (f"{table.rows:,} rows", f"digest {table.digest[:12]}"),
    )
    trained = f"{rows.train:,} rows to train, {rows.test or 0:,} to test"
    run = LineageNode("run", "run", submission.provenance.made_with, (trained, *_verdict(submission.verdict)))
    return LineageGraph((data, run, model), (("data", "run"), ("run", "model")))


def _model(name: str, use: TableUse, state: ModelState | None) -> LineageNode:
    version = state.with_digest(use.bundle) if state else None
    version_text = version.version if version else use.version
    title = f"{use.model} {version_text}" if version_text else use.model
    lines = [f"digest {use.bundle[:12]}"]
    if version:
        lines.append(version.state or "in no stage")
    elif not use.uri:
        lines.append("not published")
    return LineageNode(name, "model", title, tuple(lines), "good" if version and version.stages else "")


def _endpoint(endpoint: Mapping[str, Any], use: TableUse) -> LineageNode:
    ended = f"ended {_minute(endpoint['ended'])}" if endpoint["ended"] else "not known to have ended"
    verified = f"{'verified' if endpoint['verified'] else 'not verified'} {_minute(endpoint['time'])}"
    url = str(endpoint["url"])
    return LineageNode(f"endpoint {url} {use.bundle}", "endpoint", _host(url), (verified, ended))


def _verdict(verdict: str) -> Iterable[str]:
    return (f"verdict {verdict}",) if verdict else ()


def _style(use: TableUse) -> str:
    return {"reject": "bad", "hold": "warn"}.get(use.verdict, "")


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]

"""The documents and docstrings are in plain English, and each link of a document leads somewhere."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from headrace.api.model_names import default_name
from tests.test_names import PACKAGES, REPOSITORY

# Words and turns of phrase that read like a translation, each with what to write instead.
_CALQUES = {
    r"(?<!there )\b(?:is|are|was|were|be) (?-i:none)\b(?! of)": "say what is missing: 'has no rows', 'is not a number'",
    r"\bputs? right\b|\bputting right\b": "'correct', 'repair', 'recover'",
    r"\btold\b": "'reported', 'shown', 'distinguished', 'given'",
    r"\bheard\b|\bhears?\b": "'learn', 'receive'",
    r"\bpapers\b": "the documents by their names, or 'metadata'",
    r"\bthose who\b": "'for people who', 'for clients that', or name them",
    r"\bwish(?:es|ed)?\b": "'request', 'option', 'command'",
    r"\bheld against\b": "'compared with'",
    r"\b(?:is|are|be|was|were|not) said\b": "'stated', 'reported', 'unknown'",
    r"\bspeech\b|\bspoken\b|\bdesks?\b|\bdoors?\b": "the thing itself, without a figure of speech",
    r"\banew\b": "'again'",
    r"\b(?:there|here|where)(?:by|in|of|upon)\b": "'so', 'in it', 'of it'",
    r"\bmend(?:s|ed|ing)?\b": "'fix', 'correct', 'edit'",
    r"\btells? (?:of|what|which|how)\b": "'reports', 'shows', 'identifies'",
}
_ANY_CALQUE = re.compile("|".join(_CALQUES), re.IGNORECASE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [REPOSITORY / name for name in listed.stdout.splitlines() if (REPOSITORY / name).is_file()]


def _prose() -> Iterator[Path]:
    """Documents without the history in the changelog, modules with comments and messages, and templates of pages."""
    yield from (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *_tracked("docs/*.md"))
    yield from _tracked(*(f"{package}/*.py" for package in (*PACKAGES, "images", "integrations")), "integrations/*.md")
    yield from _tracked("reports/templates/*.html")


def calques(text: str) -> list[str]:
    """Lines of a text that read like a translation, each with what to write instead."""
    if not _ANY_CALQUE.search(text):
        return []
    return [
        f"{number}: {found[0]!r}, better {better}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern, better in _CALQUES.items()
        if (found := re.search(pattern, line, re.IGNORECASE))
    ]


def broken_links(path: Path, text: str) -> list[str]:
    """Relative links of a document that lead to no file, or to no heading of one."""
    broken = []
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            broken.append(target)
    return broken


def _anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", _FENCED.sub("", path.read_text()), re.MULTILINE)
    texts = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}


def test_the_first_screen_serves_what_it_made() -> None:
    """A run's output is a folder of its own, named after its table; the folder around it is no model."""
    commands = (REPOSITORY / "README.md").read_text().split("```")[1]
    (table,) = re.findall(r"headrace run (\S+)", commands)
    (served,) = re.findall(r"headrace serve (\S+)", commands)
    assert served == f"headrace-out/{default_name(table)}"


def test_the_guard_finds_calques() -> None:
    """A guard that finds nothing in anything would hold nothing."""
    bad = ["A place that is none.", "What is put right.", "The caller is told of it.", "Wish", "Those who look"]
    assert [line.partition(":")[0] for line in calques("\n".join(bad))] == ["1", "2", "3", "4", "5"]
    good = ["If there is none of these, there is none.", "`x is not None`, `x is None`.", "A model is none of them."]
    assert calques("\n".join(good)) == []


def test_prose_is_plain_english() -> None:
    """No document, docstring, comment or message has a word that stands for a turn of phrase in another language."""
    assert [f"{path.relative_to(REPOSITORY)}:{one}" for path in _prose() for one in calques(path.read_text())] == []


def test_the_guard_finds_broken_links(tmp_path: Path) -> None:
    """Files and headings that are missing; links into the web are not followed."""
    (tmp_path / "other.md").write_text("# A heading: `code`, and more\n```\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n[a](other.md) [b](other.md#a-heading-code-and-more) [c](#one) [d](https://example.org/x) "
        "[e](none.md) [f](other.md#no-heading) [g](#two)"
    )
    assert broken_links(page, page.read_text()) == ["none.md", "other.md#no-heading", "#two"]


def test_links_of_documents_lead_somewhere() -> None:
    """Each relative link names a file of the repository, and a heading of it where it has an anchor."""
    pages = _tracked("*.md")
    assert len(pages) > 40
    found = {str(path.relative_to(REPOSITORY)): broken_links(path, path.read_text()) for path in pages}
    assert {name: links for name, links in found.items() if links} == {}

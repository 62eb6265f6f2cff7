"""The subset of Markdown that model cards use, rendered as HTML; everything else stays text.

Headings, paragraphs, flat lists, tables, fenced code, bold, emphasis and code spans. Links keep their text only, and
raw HTML is shown as it is written, so that a card can neither run nor load anything.
"""

import re
from collections.abc import Callable, Iterator

from markupsafe import Markup, escape

_FENCE = re.compile(r"^(```+|~~~+)")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(.*)$")
_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"`([^`]+)`")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|<>-])")
_PRIVATE = 0x10F000
_HIDDEN = re.compile(f"[{chr(_PRIVATE)}-{chr(_PRIVATE + 127)}]")


def markdown(text: str, shift: int = 2) -> Markup:
    """Render Markdown as HTML.

    Args:
        text: The Markdown.
        shift: Number of levels by which headings are lowered.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return Markup("\n".join(_blocks(lines, shift)))  # noqa: S704 - every piece is escaped


def _blocks(lines: list[str], shift: int) -> Iterator[str]:
    place = 0
    while place < len(lines):
        line = lines[place]
        if fence := _FENCE.match(line):
            end = _until(lines, place + 1, lambda other, mark=fence[1]: not other.startswith(mark))  # type: ignore[misc]
            yield f"<pre>{escape(chr(10).join(lines[place + 1 : end]))}</pre>"
            place = end + 1
        elif heading := _HEADING.match(line):
            level = min(6, len(heading[1]) + shift)
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
            place += 1
        elif "|" in line and place + 1 < len(lines) and _RULE.match(lines[place + 1]):
            end = _until(lines, place + 2, lambda other: "|" in other)
            yield _table(line, lines[place + 2 : end])
            place = end
        elif _ITEM.match(line):
            end = _until(lines, place, lambda other: bool(_ITEM.match(other)) or other.startswith("  "))
            yield _list(lines[place:end])
            place = end
        elif line.strip():
            end = max(place + 1, _until(lines, place, _plain))
            yield f"<p>{_inline(' '.join(part.strip() for part in lines[place:end]))}</p>"
            place = end
        else:
            place += 1


def _until(lines: list[str], place: int, continues: Callable[[str], bool]) -> int:
    while place < len(lines) and continues(lines[place]):
        place += 1
    return place


def _plain(line: str) -> bool:
    return bool(line.strip()) and not (_FENCE.match(line) or _HEADING.match(line) or _ITEM.match(line) or "|" in line)


def _list(lines: list[str]) -> str:
    items: list[str] = []
    for line in lines:
        if match := _ITEM.match(line):
            items.append(match[1])
        else:
            items[-1] += " " + line.strip()
    return "<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>"


def _table(head: str, rows: list[str]) -> str:
    names = _cells(head)
    header = "".join(f"<th scope=col>{_inline(name)}</th>" for name in names)
    top = f"<thead><tr>{header}</tr></thead>" if any(names) else ""
    body = "".join("<tr>" + "".join(f"<td>{_inline(c)}</td>" for c in _cells(row)) + "</tr>" for row in rows)
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'


def _cells(row: str) -> list[str]:
    inner = row.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _inline(text: str) -> str:
    pieces = _CODE.split(text)
    return "".join(f"<code>{escape(p)}</code>" if i % 2 else _emphasis(p) for i, p in enumerate(pieces))


def _emphasis(text: str) -> str:
    # An escaped character becomes a private one, so that the patterns below do not see it.
    hidden = _ESCAPED.sub(lambda match: chr(_PRIVATE + ord(match[1])), text)
    html = str(escape(_LINK.sub(r"\1", hidden)))
    html = re.sub(r"\*\*(\S(?:.*?\S)?)\*\*", r"<strong>\1</strong>", html)
    html = re.sub(r"(?<![\w*])\*([^\s*](?:[^*]*[^\s*])?)\*(?![\w*])", r"<em>\1</em>", html)
    return _HIDDEN.sub(lambda match: str(escape(chr(ord(match[0]) - _PRIVATE))), html)

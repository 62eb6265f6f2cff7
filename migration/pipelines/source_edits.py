"""Edits of a Python file by positions of its syntax tree; all else stays as it was, byte for byte."""

import ast
import re

from headrace.core.base.errors import InternalError

MARK = "TODO(kfp2)"


class SourceEdits:
    """The bytes of a file, and what is to be replaced in them.

    Attributes:
        data: The file, UTF-8.
        newline: What ends its lines.
    """

    def __init__(self, data: bytes) -> None:
        """Keep a file whose positions are those of ``ast``: lines from 1, columns in bytes."""
        self.data = data
        self._starts = [0, *(match.end() for match in re.finditer(rb"\r\n|\r|\n", data))]
        self.newline = "\r\n" if b"\r\n" in data else "\n"
        self._edits: list[tuple[int, int, bytes]] = []
        self._marks: dict[int, list[str]] = {}

    def start(self, node: ast.AST) -> int:
        """Return the offset of a node's first byte."""
        place: tuple[int, int] = node.lineno, node.col_offset  # type: ignore[attr-defined]
        return self._starts[place[0] - 1] + place[1]

    def end(self, node: ast.AST) -> int:
        """Return the offset after a node's last byte."""
        place: tuple[int, int] = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        return self._starts[place[0] - 1] + place[1]

    def between(self, start: int, end: int) -> str:
        """Return the text between two offsets."""
        return self.data[start:end].decode()

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace what is between two offsets; of two insertions at one place the first comes first."""
        self._edits.append((start, end, text.replace("\n", self.newline).encode()))

    def before_line(self, line: int) -> str:
        """Return the text of a line, from 1."""
        end = self._starts[line] if line < len(self._starts) else len(self.data)
        return self.between(self._starts[line - 1], end)

    def mark(self, line: int, text: str) -> None:
        """Put a comment above a line, with that line's indentation."""
        marks = self._marks.setdefault(line, [])
        if text not in marks:
            marks.append(text)

    def apply(self) -> bytes:
        """Return the edited file.

        Raises:
            InternalError: If two edits overlap.
        """
        newline = self.newline.encode()
        edits = [*self._edits]
        for line, texts in self._marks.items():
            indent = re.match(r"[ \t]*", self.before_line(line)).group().encode()  # type: ignore[union-attr]
            comment = b"".join(indent + f"# {MARK}: {text}".encode() + newline for text in texts)
            edits.insert(0, (self._starts[line - 1], self._starts[line - 1], comment))
        edits.sort(key=lambda edit: edit[:2])
        parts, place = [], 0
        for start, end, text in edits:
            if start < place:
                raise InternalError(f"two edits of a pipeline overlap at byte {start}; nothing was written.")
            parts += [self.data[place:start], text]
            place = end
        return b"".join([*parts, self.data[place:]])

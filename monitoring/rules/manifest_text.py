"""Manifests as YAML that people read: keys in their order, an expression on its line, a file's text as a block."""

from typing import Any

import yaml

_WIDE = 10**6


class _BlockDumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """See ``yaml.SafeDumper``: each occurrence of a value is written out."""
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_BlockDumper.add_representer(str, _represent_text)


def write_manifest(document: Any) -> str:
    """Return a document of plain values as YAML."""
    return yaml.dump(document, Dumper=_BlockDumper, sort_keys=False, width=_WIDE, allow_unicode=True)

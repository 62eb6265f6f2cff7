"""Names of models and endpoints."""

import re

_NAME_LIMIT = 40


def model_name(text: str) -> str:
    """Turn any text into a name that Kubernetes accepts: lower-case letters, digits, dashes, at most 40 characters."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"m-{name}".strip("-")
    return name[:_NAME_LIMIT].rstrip("-")


def default_name(table: str) -> str:
    """Derive a model's name from a table's address: its last part without wildcards and file endings."""
    parts = re.split(r"[/\\]", table.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0].rstrip("/"))
    names = [part for part in parts if part.strip(".") and not set("*[]").intersection(part)]
    return model_name(names[-1].split(".")[0] if names else "table")

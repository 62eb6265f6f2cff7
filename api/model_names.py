"""Names of models and endpoints."""

import re

_NAME_LIMIT = 40


def model_name(text: str) -> str:
    """A name that Kubernetes takes, made of any text: lower case letters, digits and dashes, at most 40."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"m-{name}".strip("-")
    return name[:_NAME_LIMIT].rstrip("-")


def default_name(table: str) -> str:
    """The model's name for a table: the last part of its address that is no pattern, without endings."""
    parts = re.split(r"[/\\]", table.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0].rstrip("/"))
    plain = [part for part in parts if part.strip(".") and not set("*[]").intersection(part)]
    return model_name(plain[-1].split(".")[0] if plain else "table")

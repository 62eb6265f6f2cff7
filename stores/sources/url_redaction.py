"""Removes secrets from URLs that are shown or stored."""

import re
from urllib.parse import parse_qsl, quote, urlsplit

_SECRET = re.compile(r"pass|pwd|secret|token|signature|credential|^sig$|key", re.IGNORECASE)


def without_secrets(url: str) -> str:
    """Return the URL without fragment, and with ``***`` for its password and query values with secret-like names.

    An ``http(s)`` URL shows no user either: many servers take an access token in its place.
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if at and parts.scheme in {"http", "https"}:
        user = "***"
    elif ":" in user:
        user = user.split(":", 1)[0] + ":***"
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = "&".join(f"{quote(name)}={'***' if _SECRET.search(name) else quote(value)}" for name, value in pairs)
    return f"{parts.scheme}://{user}{at}{host}{parts.path}{'?' if query else ''}{query}"

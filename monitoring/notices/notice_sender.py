"""Sends notices to addresses of Apprise: webhooks, Slack, mail and others.

An address holds secrets. It comes from the environment or a mounted file only, is never shown, and is named by its
service and number in what people read.
"""

import contextlib
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from headrace.core.base import settings
from headrace.core.base.errors import InputError, StoreError
from headrace.monitoring.notices.notice_text import NoticeText

MOST_ADDRESSES = 20
_MOST_BYTES = 1 << 16
_LEAST_SECRET = 4
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,19}://")
_logger = logging.getLogger("apprise")


@dataclass(frozen=True)
class NoticeAddress:
    """An address that notices go to.

    Attributes:
        name: Its service and its number among addresses of that service, such as ``Slack 1``.
        service: What sends to it; holds its secrets.
        secrets: Parts of it that must not be shown.
    """

    name: str
    service: Any = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False, default=())

    def send(self, notice: NoticeText) -> None:
        """Send a notice.

        Raises:
            StoreError: If the service does not take it.
        """
        kind = "success" if notice.recovery else "warning"
        with _capture_log() as records:
            try:
                taken = self.service.notify(title=notice.title, body=notice.body, notify_type=kind)
            except Exception as error:  # noqa: BLE001 - a service's plugin may raise anything, and stops no monitor
                taken = False
                records.append(f"{type(error).__name__} in Apprise's plugin")  # its text may hold a secret
        if not taken:
            reason = "; ".join(dict.fromkeys(self._redact(record) for record in records)) or "no reason is known"
            raise StoreError(
                f"a notice must be taken by {self.name}, which fails: {reason}; it is sent again with the next report."
            )

    def _redact(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text.strip().rstrip(".")


def read_addresses() -> tuple[NoticeAddress, ...]:
    """Return the addresses of ``HEADRACE_NOTICE_ADDRESSES``, separated by spaces or lines, and those of the file.

    ``HEADRACE_NOTICE_ADDRESSES_FILE`` names a file with an address in each line, such as a mounted Secret.

    Raises:
        InputError: If the file cannot be read, or something is not an address that Apprise knows.
    """
    name = settings.notice_addresses_file()
    lines = [*settings.notice_addresses().split(), *(_read_lines(Path(name)) if name else ())]
    return parse_addresses(lines)


def parse_addresses(texts: Sequence[str]) -> tuple[NoticeAddress, ...]:
    """Return addresses from their texts.

    Args:
        texts: URLs of Apprise, such as ``jsons://host/path``, ``slack://A/B/C/#channel`` or ``mailtos://…``.

    Raises:
        InputError: If one of them is not such a URL; the sentence gives its place, not its text.
    """
    if len(texts) > MOST_ADDRESSES:
        raise InputError(f"notices must go to at most {MOST_ADDRESSES} addresses; there are {len(texts)}.")
    if not texts:
        return ()
    import apprise  # noqa: PLC0415 - takes a third of a second

    counts: Counter[str] = Counter()
    addresses = []
    for place, text in enumerate(texts, 1):
        with _capture_log():  # which would show the address
            service = apprise.Apprise.instantiate(text)
        if service is None:
            raise InputError(
                f"address {place} of HEADRACE_NOTICE_ADDRESSES must be a URL that Apprise knows, such as "
                f"jsons://host/path, slack://A/B/C or mailtos://user:password@host?to=me@example.org; it "
                f"{_scheme(text)}, and the rest is not shown, because it may hold a secret."
            )
        kind = str(service.service_name)
        counts[kind] += 1
        addresses.append(NoticeAddress(f"{kind} {counts[kind]}", service, _find_secrets(text)))
    return tuple(addresses)


def _scheme(text: str) -> str:
    """Return a clause with the scheme of an address, which is no secret; what has no scheme may be one."""
    found = _SCHEME.match(text)
    return f"begins with {found[0]}" if found else "has no scheme"


def _find_secrets(text: str) -> tuple[str, ...]:
    """Return the parts of an address that may be secret, as written and decoded, the longest first.

    The host of a webhook or of mail is not; what stands in its place for Slack is a token, and has no dot.
    """
    parts = urlsplit(text)
    user, _, host = parts.netloc.rpartition("@")
    pieces = [*user.split(":"), *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    pieces += [parts.fragment, *([] if "." in host or host.startswith("localhost") else [host])]
    secrets = {piece for piece in pieces if len(piece) >= _LEAST_SECRET}
    return tuple(sorted({text, *secrets, *map(unquote, secrets)}, key=len, reverse=True))


def _read_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"HEADRACE_NOTICE_ADDRESSES_FILE must name a readable file of text; {path} is not: {type(error).__name__}."
        ) from error
    if len(data) > _MOST_BYTES:
        raise InputError(f"the file of addresses {path} must have at most {_MOST_BYTES} bytes; it has more.")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.texts.append(record.getMessage())


@contextlib.contextmanager
def _capture_log() -> Iterator[list[str]]:
    """Keep Apprise's messages from all logs for the length of the block, because they may hold secrets."""
    handler, propagates, level = _Records(), _logger.propagate, _logger.level
    _logger.addHandler(handler)
    _logger.propagate = False
    _logger.setLevel(logging.WARNING)
    try:
        yield handler.texts
    finally:
        _logger.removeHandler(handler)
        _logger.propagate = propagates
        _logger.setLevel(level)

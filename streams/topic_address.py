"""Addresses of topics, as commands take them: ``kafka://HOST:PORT/TOPIC``, ``folder://PATH`` or a path."""

import re
from dataclasses import dataclass
from pathlib import Path

from headrace.core.base.errors import InputError, quote

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_SEGMENT = re.compile(r"[0-9]+\.(jsonl|parquet)")
_LAST_PORT = 65_535
_SERVERS = re.compile(r"[^/@\s,:]+(:[0-9]{1,5})?(,[^/@\s,:]+(:[0-9]{1,5})?)*|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class TopicAddress:
    """The address of a topic.

    Attributes:
        servers: Hosts and ports of brokers, with commas between them; empty for a folder.
        folder: Folder of the topics, for the twin; None for a broker.
        topic: Name of the topic.
    """

    servers: str
    folder: Path | None
    topic: str

    @property
    def place(self) -> str:
        """Where the topic is: brokers, or a folder."""
        return self.servers or str(self.folder)

    def beside(self, topic: str) -> "TopicAddress":
        """Return the address of another topic in the same place."""
        return TopicAddress(self.servers, self.folder, topic)


def parse_topic(text: str) -> TopicAddress:
    """Read the address of a topic.

    Args:
        text: ``kafka://HOST:PORT[,HOST:PORT...]/TOPIC``, ``folder://PATH/TOPIC``, or a path that ends
            with the topic.

    Raises:
        InputError: If the text has another form, holds a login, or the name of the topic is not one that Kafka allows.
    """
    if not isinstance(text, str):
        raise InputError(f"a topic must be the text of its address; got {text!r} instead.")
    if text.startswith("kafka://"):
        servers, slash, topic = text.removeprefix("kafka://").partition("/")
        if "@" in servers:
            raise InputError(
                "the address of a topic must hold no login, which others may read in a list of processes; set "
                "HEADRACE_KAFKA_USER and HEADRACE_KAFKA_PASSWORD instead."
            )
        if not slash or not _SERVERS.fullmatch(servers):
            raise InputError(
                f"a topic of Kafka must be kafka://HOST:PORT/TOPIC, such as kafka://127.0.0.1:9092/events; got "
                f"{quote(text)} instead."
            )
        for port in re.findall(r":([0-9]+)(?=,|$)", servers if "[" not in servers else servers.rpartition("]")[2]):
            # Kafka's client takes a greater one modulo 65,536.
            if not 1 <= int(port) <= _LAST_PORT:
                raise InputError(
                    f"the port of a broker must be 1 to {_LAST_PORT}; got {port} in {quote(text)} instead."
                )
        return TopicAddress(servers, None, _require_topic(topic, text))
    path = text.removeprefix("folder://")
    if not path:
        raise InputError(f"a topic must be kafka://HOST:PORT/TOPIC, or the path of a folder; {quote(text)} names none.")
    if "://" in path:
        raise InputError(
            f"a topic must be kafka://HOST:PORT/TOPIC, or the path of a folder; got {quote(text)} instead."
        )
    folder = Path(path).absolute()
    return TopicAddress("", folder.parent, _require_topic(folder.name, text))


def require_topic_folder(address: TopicAddress) -> None:
    """Check that a topic in a folder, if something is there, is neither a file nor a partition; Kafka is not asked.

    Raises:
        InputError: If it is one.
    """
    if address.folder is None:
        return
    path = address.folder / address.topic
    if path.is_dir():
        if any(_SEGMENT.fullmatch(one.name) for one in path.iterdir() if one.is_file()):
            raise InputError(
                f"a topic must be a folder with a folder for each partition, such as 0; {path} is a partition, with "
                f"files of events in it: name the folder above it, or move the files to {path / '0'}."
            )
    elif path.exists():
        raise InputError(f"a topic must be a folder with a folder for each partition, such as 0; {path} is a file.")


def find_topic(text: str) -> TopicAddress | None:
    """Return the topic that an address names; None if it names none, such as a file or a folder of files.

    A folder is a topic if it has a folder ``0`` in which nothing lies but files named after an offset.

    Args:
        text: Any address.

    Raises:
        InputError: If it begins as the address of a topic does, and is of another form.
    """
    if text.startswith(("kafka://", "folder://")):
        return parse_topic(text)
    first = Path(text) / "0"
    if "://" in text or not first.is_dir():
        return None
    names = (path.name for path in first.iterdir() if not path.name.startswith("."))
    return parse_topic(text) if all(map(_SEGMENT.fullmatch, names)) else None


def require_name(option: str, name: str) -> str:
    """Return the name of a group or of its member.

    Args:
        option: The option that gives it, for the message.
        name: The name.

    Raises:
        InputError: If it has other characters, or too many.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{option} must be up to 200 letters, digits, dots, hyphens and underscores, beginning with a letter or a "
            f"digit; got {quote(name)} instead."
        )
    return name


def _require_topic(topic: str, text: str) -> str:
    if not _TOPIC.fullmatch(topic) or topic in {".", ".."}:
        raise InputError(
            f"the name of a topic must be 1 to 249 letters, digits, dots, hyphens and underscores; got {quote(topic)} "
            f"in {quote(text)} instead."
        )
    return topic

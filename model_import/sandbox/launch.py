"""Confines this process, then becomes the Python that loads a model: a script of its own, without the suite.

``python -I -S launch.py MODEL-FOLDER PREFIX PARENT MEMORY-BYTES CPU-SECONDS SECONDS LOADER ARGUMENT...`` runs the text
LOADER, while the process PARENT lives and for as many seconds at most, in new namespaces of users, mounts, network,
processes, IPC and names: nothing is there but Python and the system's libraries, read-only, the model's folder as
``/model``, read-only, and an empty ``/tmp``. There is no network, no ``/proc``, no variable of the user, and no open
file but the three standard ones.

Source: the manual pages user_namespaces(7), mount_namespaces(7), pivot_root(2), mount_setattr(2).
"""

import ctypes
import os
import platform
import resource
import signal
import sys
from pathlib import Path
from typing import NoReturn

NO_SANDBOX = 97
_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_BIND, _REC, _PRIVATE, _NOSUID, _NODEV = 4096, 16384, 1 << 18, 2, 4
_MNT_DETACH, _AT_FDCWD, _AT_RECURSIVE, _READ_ONLY = 2, -100, 0x8000, 1
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_NO_NEW_PRIVILEGES, _DEATH_SIGNAL = 38, 1
_TMP_BYTES = 256 << 20
_MOST_PROCESSES = 64
_EMPTY = Path("/tmp")  # noqa: S108 - a file system of its own hides it, in this namespace alone
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_libc = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("spread", ctypes.c_uint64),
        ("user", ctypes.c_uint64),
    )


def main(arguments: list[str]) -> NoReturn:
    """Confine this process and run the loader; exit with ``NO_SANDBOX`` and a reason if that cannot be done."""
    folder, prefix, parent, memory, cpu_seconds, seconds, loader, *rest = arguments
    try:
        # The process that waits may be killed, and then its own limit of time with it.
        signal.alarm(int(seconds))
        _end_with(int(parent))
        _enter_namespaces()
        # The kernel forgets the signal where a process gets other rights.
        _end_with(int(parent))
        # Only a child is in the new namespace of processes, as its first one: when it ends, all in it end.
        _wait_for_child()
        _call("prctl", _DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        _change_root(Path(folder), Path(prefix))
        # The first process of a namespace ignores the signals of limits; its child does not.
        _wait_for_child()
        _limit(int(memory), int(cpu_seconds))
        _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    except (OSError, KeyError) as error:
        os.write(2, f"{type(error).__name__}: {error}".encode())
        os._exit(NO_SANDBOX)
    variables = {"HOME": str(_EMPTY), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    os.closerange(3, 1 << 16)
    os.execve(sys.executable, [sys.executable, "-I", "-c", loader, *rest], variables)  # noqa: S606 - no shell is wanted


def _end_with(parent: int) -> None:
    """End this process when its parent ends, or now if it has."""
    _call("prctl", _DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(NO_SANDBOX)


def _wait_for_child() -> None:
    """Return in a child; in this process, wait for it and exit as it did."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library; raise if it fails."""
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _enter_namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NEWUSER | _NEWNS | _NEWNET | _NEWPID | _NEWIPC | _NEWUTS)
    Path("/proc/self/setgroups").write_text("deny")
    # Nobody, to whom the rights of the namespace are lost with the next program.
    Path("/proc/self/uid_map").write_text(f"65534 {user} 1")
    Path("/proc/self/gid_map").write_text(f"65534 {group} 1")
    _call("mount", b"none", b"/", None, _REC | _PRIVATE, None)


def _change_root(folder: Path, prefix: Path) -> None:
    """Make a root of what Python needs, the model and an empty ``/tmp``; forget the old one."""
    root = _EMPTY
    seen = _find_folders(prefix)
    # What lies below /tmp is out of sight, and reached by its number alone, as soon as another /tmp covers it.
    opened = [(path, os.open(path, os.O_PATH), path.is_dir()) for path in (*seen, folder, *map(Path, _DEVICES))]
    size = f"size={_TMP_BYTES}"
    _call("mount", b"tmpfs", b"/tmp", b"tmpfs", _NOSUID | _NODEV, f"{size},mode=755".encode())
    scratch = root / "tmp"
    scratch.mkdir()
    _call("mount", b"tmpfs", str(scratch).encode(), b"tmpfs", _NOSUID | _NODEV, f"{size},mode=1777".encode())
    for path, number, is_folder in opened:
        target = root / ("model" if path == folder else str(path).lstrip("/"))
        _bind(number, target, is_folder=is_folder, read_only=str(path) not in _DEVICES)
    for link in ("lib", "lib64", "bin"):
        if Path("/", link).is_symlink():
            (root / link).symlink_to(Path("/", link).readlink())
    (root / "old").mkdir()
    os.chdir(root)
    _syscall(_PIVOT_ROOT[platform.machine()], b".", b"old")
    os.chdir("/")
    _call("umount2", b"/old", _MNT_DETACH)
    Path("/old").rmdir()
    attributes = _Attributes(set=_READ_ONLY)
    _syscall(_MOUNT_SETATTR, _AT_FDCWD, b"/", 0, ctypes.byref(attributes), ctypes.sizeof(attributes))


def _find_folders(prefix: Path) -> list[Path]:
    """Return the folders of Python and of the system's libraries, the outer ones alone."""
    # Without the module site, which -S leaves out, Python does not know its virtual environment: PREFIX.
    named = [prefix, Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, Path("/usr")]
    named += [
        Path("/", name) for name in ("lib", "lib64") if Path("/", name).is_dir() and not Path("/", name).is_symlink()
    ]
    outer: list[Path] = []
    for path in sorted({path.absolute() for path in named}):
        if not any(path.is_relative_to(other) for other in outer):
            outer.append(path)
    return [*outer, *(path for path in [Path("/etc/ld.so.cache")] if path.exists())]


def _bind(number: int, target: Path, *, is_folder: bool, read_only: bool) -> None:
    if is_folder:
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _call("mount", f"/proc/self/fd/{number}".encode(), str(target).encode(), None, _BIND | _REC, None)
    if read_only:
        attributes = _Attributes(set=_READ_ONLY | _NOSUID)
        _syscall(
            _MOUNT_SETATTR,
            _AT_FDCWD,
            str(target).encode(),
            _AT_RECURSIVE,
            ctypes.byref(attributes),
            ctypes.sizeof(attributes),
        )


def _syscall(number: int, *arguments: object) -> None:
    if _libc.syscall(number, *arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"system call {number}: {os.strerror(code)}")


def _limit(memory: int, seconds: int) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _TMP_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, _MOST_PROCESSES),
    ):
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])

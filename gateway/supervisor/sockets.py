"""Listening sockets: bound once, by the supervisor, and inherited by every worker.

So a worker may come and go without a connection being refused."""

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass

from gateway.config.addresses import TcpAddress, UnixAddress

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel lowers it to net.core.somaxconn."""


class BindError(Exception):
    """An address cannot be listened on; the text names it and the reason."""

    def __init__(self, address: TcpAddress | UnixAddress, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}")


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that listens, and the file that belongs to it."""

    socket: socket.socket
    file: tuple[int, int] | None
    """Device and inode of the file of a Unix socket."""

    @property
    def address(self) -> str:
        """Where it really listens, as the configuration would write it."""
        place = self.socket.getsockname()
        return f"unix:{place}" if self.file else str(TcpAddress(place[0], place[1]))

    def release(self) -> None:
        """Stop listening here; again does nothing.

        The file of a Unix socket goes too, unless another process took the path over."""
        if self.socket.fileno() < 0:
            return
        if self.file is not None:
            path = self.socket.getsockname()
            with contextlib.suppress(OSError):
                if _identity(path) == self.file:
                    os.unlink(path)
        self.socket.close()


def bind(address: TcpAddress | UnixAddress, mode: int | None = None) -> Listening:
    """A socket that listens on the address. `mode` is for the file of a Unix socket. Raises `BindError`."""
    bound: socket.socket | None = None
    try:
        if isinstance(address, UnixAddress):
            remove_stale(address)
            bound = _bind_unix(address.path, mode)
        else:
            bound = _bind_tcp(address)
        bound.listen(BACKLOG)
        bound.setblocking(False)
        return Listening(bound, _identity(address.path) if isinstance(address, UnixAddress) else None)
    except OSError as error:
        if bound is not None:
            bound.close()
        raise BindError(address, reason_of(error, address)) from error


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _bind_unix(path: str, mode: int | None) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = None if mode is None else os.umask(0o777 & ~mode)
    try:
        made.bind(path)
    except OSError:
        made.close()
        raise
    finally:
        if umask is not None:
            os.umask(umask)
    return made


def _bind_tcp(address: TcpAddress) -> socket.socket:
    """One socket for the address. `:8080` listens on IPv4 and IPv6 alike, `[::]:8080` on IPv6 alone."""
    if not address.host:
        if socket.has_dualstack_ipv6():
            with contextlib.suppress(OSError):  # IPv6 is compiled in but switched off
                return _bound(socket.AF_INET6, ("::", address.port), v6_only=False)
        return _bound(socket.AF_INET, ("0.0.0.0", address.port))
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, *_, place = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return _bound(family, place)


def _bound(family: int, place: tuple[object, ...], v6_only: bool = True) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6_only))
        made.bind(place)
    except OSError:
        made.close()
        raise
    return made


def remove_stale(address: UnixAddress) -> None:
    """Remove the file of a Unix socket that nobody listens on any more. Raises `BindError` for anything else there."""
    try:
        if not stat.S_ISSOCK(os.lstat(address.path).st_mode):
            raise BindError(address, "a file that is not a socket is in the way")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address.path)
        except ConnectionRefusedError:
            os.unlink(address.path)
        except FileNotFoundError:
            return
        else:
            raise BindError(address, "another process listens there")


def reason_of(error: OSError, address: TcpAddress | UnixAddress) -> str:
    """The reason in words, with a remedy where there is one."""
    if isinstance(address, UnixAddress):
        folder = os.path.dirname(address.path) or "."
        match error.errno:
            case errno.ENOENT | errno.ENOTDIR:
                return f"there is no folder {folder}"
            case errno.EACCES | errno.EPERM | errno.EROFS:
                return f"{_words(error)}: user {os.geteuid()}, as whom the gateway runs, may not write to {folder}"
        return _words(error)
    match error.errno:
        case errno.EADDRINUSE:
            return "the address is in use by another process; `ss -ltnp` shows by which"
        case errno.EACCES:
            return "permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)"
        case errno.EADDRNOTAVAIL:
            return "this machine does not have that address"
    return _words(error)


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

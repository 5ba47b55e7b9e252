"""Where the demonstration listens: the usual ports when they are free, else free ones."""

import socket

DATA = 8080
ADMIN = 9900
LOOPBACK = "127.0.0.1"


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there. Somebody may come in between; then the gateway says so."""
    try:
        with socket.create_server((host, port), family=_family(host)):
            return True
    except OSError:
        return False


def choose(usual: int, host: str = LOOPBACK) -> int:
    """The usual port when it is free, else any free one; nought is never the usual one."""
    if usual and is_free(host, usual):
        return usual
    with socket.create_server((host, 0), family=_family(host)) as listener:
        port: int = listener.getsockname()[1]
        return port


def split(address: str) -> tuple[str, int]:
    """Host and port of `host:port`, `[v6]:port` or `:port` (all of loopback). Raises ValueError for anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{address!r} is not an address: write HOST:PORT, such as 127.0.0.1:8080")
    return host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port)


def join(host: str, port: int) -> str:
    """`host:port` as people type it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(host: str, port: int) -> str:
    """`host:port` to connect to from here, for a host that may mean every address."""
    return join({"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host), port)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET

"""Memory and file descriptors of one process, from `/proc` (proc(5)); memory in KiB as the kernel counts it."""

from loadtests.support.proc import PROC


def field_kib(text: str, name: str) -> int:
    """The value of a `Name:   1234 kB` line. Raises `KeyError` when there is none."""
    for line in text.splitlines():
        label, _, value = line.partition(":")
        if label == name:
            return int(value.split()[0])
    raise KeyError(name)


def read_rss_kib(pid: int) -> int:
    """Resident memory now."""
    return field_kib((PROC / str(pid) / "status").read_text(), "VmRSS")


def read_peak_rss_kib(pid: int) -> int:
    """The most resident memory since the process started or since `forget_peak`."""
    return field_kib((PROC / str(pid) / "status").read_text(), "VmHWM")


def forget_peak(pid: int) -> None:
    """Start a new peak from what is resident now (the value 5 of `clear_refs`)."""
    (PROC / str(pid) / "clear_refs").write_text("5")


def read_pss_kib(pid: int) -> int:
    """Proportional set size: pages shared with other processes count by their share."""
    return field_kib((PROC / str(pid) / "smaps_rollup").read_text(), "Pss")


def read_descriptors(pid: int) -> int:
    """How many file descriptors are open."""
    return sum(1 for _ in (PROC / str(pid) / "fd").iterdir())


def read_sockets(pid: int) -> int:
    """How many of the open file descriptors are sockets."""
    count = 0
    for descriptor in (PROC / str(pid) / "fd").iterdir():
        try:
            count += str(descriptor.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue  # closed since the directory was read
    return count

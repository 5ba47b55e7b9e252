import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.supervisor.sockets import BindError, bind, reason_of


def connects(family: int, place: object) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        return probe.connect_ex(place) == 0  # type: ignore[arg-type]  # depends on the family


def test_a_tcp_address_listens_and_tells_the_port_it_got() -> None:
    listening = bind(TcpAddress("127.0.0.1", 0))
    host, port = listening.address.split(":")
    assert host == "127.0.0.1"
    assert connects(socket.AF_INET, (host, int(port)))
    listening.release()
    assert not connects(socket.AF_INET, (host, int(port)))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_an_ipv6_address_is_written_in_brackets() -> None:
    try:
        listening = bind(TcpAddress("::1", 0))
    except BindError:
        pytest.skip("no IPv6 loopback")
    assert listening.address.startswith("[::1]:")
    listening.release()


def test_without_a_host_ipv4_is_served_in_any_case() -> None:
    listening = bind(TcpAddress("", 0))
    port = listening.socket.getsockname()[1]
    assert connects(socket.AF_INET, ("127.0.0.1", port))
    listening.release()


def test_a_port_in_use_is_refused_with_address_and_reason() -> None:
    first = bind(TcpAddress("127.0.0.1", 0))
    port = first.socket.getsockname()[1]
    with pytest.raises(BindError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*in use"):
        bind(TcpAddress("127.0.0.1", port))
    first.release()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BindError, match=r"192\.0\.2\.1:80.*does not have that address"):
        bind(TcpAddress("192.0.2.1", 80))


def test_a_unix_socket_has_the_mode_asked_for_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    listening = bind(UnixAddress(str(path)), mode=0o660)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert listening.address == f"unix:{path}"
    assert connects(socket.AF_UNIX, str(path))
    listening.release()
    assert not path.exists()


def test_a_stale_unix_socket_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    listening = bind(UnixAddress(str(path)))
    assert connects(socket.AF_UNIX, str(path))
    listening.release()


def test_a_unix_socket_somebody_listens_on_stays_untouched(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    first = bind(UnixAddress(str(path)))
    with pytest.raises(BindError, match="another process listens there"):
        bind(UnixAddress(str(path)))
    assert connects(socket.AF_UNIX, str(path))
    first.release()


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(BindError, match="not a socket"):
        bind(UnixAddress(str(path)))
    assert path.read_text() == "data"


def test_a_path_another_process_took_over_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    first = bind(UnixAddress(str(path)))
    path.unlink()
    second = bind(UnixAddress(str(path)))
    first.release()
    assert connects(socket.AF_UNIX, str(path))
    second.release()


def test_a_missing_directory_is_named_as_the_reason(tmp_path: Path) -> None:
    with pytest.raises(BindError, match=f"there is no folder {tmp_path / 'missing'}"):
        bind(UnixAddress(str(tmp_path / "missing" / "a.sock")))


def test_reasons_are_words_with_a_remedy() -> None:
    port, path = TcpAddress("127.0.0.1", 80), UnixAddress("/run/slipstream/a.sock")
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    assert "CAP_NET_BIND_SERVICE" in reason_of(denied, port)
    assert reason_of(denied, path) == (
        f"permission denied: user {os.geteuid()}, as whom the gateway runs, may not write to /run/slipstream"
    )
    assert reason_of(OSError(errno.EINVAL, os.strerror(errno.EINVAL)), path) == "invalid argument"
    assert "ss -ltnp" in reason_of(OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)), port)

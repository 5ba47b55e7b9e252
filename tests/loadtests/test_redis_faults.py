import socket
from contextlib import closing

from loadtests.faulting.clients import Told
from loadtests.redis_faults import FAULTS, HEADER, Fault, Impostor, Outcome
from tests.support.redis import RedisServer, needs_redis, redis_server


def told(at: float, seconds: float = 0.001, status: int = 200) -> Told:
    return Told(at, seconds, status, "", is_stale=False)


def outcome(*more: Told, usable: float | None = 0.5) -> Outcome:
    normal = [told(1.0 + number / 100) for number in range(100)]
    return Outcome(FAULTS[0], [*normal, *more], 0.5, 10.0, 20.0, (1.0, 0.0), usable)


def test_a_promise_is_kept_when_nobody_failed_and_nobody_waited_long() -> None:
    assert outcome(told(11.0, 0.02)).is_good
    assert not outcome(told(11.0, 0.03)).is_good
    assert not outcome(told(11.0, status=0)).is_good
    assert not outcome(told(11.0), usable=None).is_good


def test_every_column_has_a_cell() -> None:
    assert len(outcome(told(11.0)).cells()) == len(HEADER)
    assert outcome(told(11.0), usable=None).cells()[-1] == "never"


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@needs_redis
def test_an_impostor_takes_the_place_of_a_server_and_gives_it_back() -> None:
    with redis_server() as server:
        impostor = Impostor(b"nonsense")
        impostor.begin(server)
        with closing(socket.create_connection(("127.0.0.1", server.port), timeout=10)) as connection:
            assert connection.recv(8) == b"nonsense"
        impostor.end(server)
        assert server.all_keys() == []


@needs_redis
async def test_faults_come_and_go() -> None:
    by_name: dict[str, Fault] = {fault.name: fault for fault in FAULTS}
    with redis_server() as server:
        server.do("SET", "a", "1")
        await by_name["flushed"].begin(server)
        assert server.all_keys() == []
        await _full(by_name["full (noeviction)"], server)


async def _full(fault: Fault, server: RedisServer) -> None:
    await fault.begin(server)
    assert b"1048576" in _maxmemory(server)
    await fault.end(server)
    assert b"1048576" not in _maxmemory(server)


def _maxmemory(server: RedisServer) -> bytes:
    return str(server.do("CONFIG", "GET", "maxmemory")).encode()

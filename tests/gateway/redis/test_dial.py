from pathlib import Path
from typing import Any

import pytest

from gateway.config.addresses import TcpAddress, UnixAddress
from gateway.config.redis import RedisSettings
from gateway.redis.connection import Connection
from gateway.redis.dial import Dialer
from gateway.redis.errors import RedisDownError, RedisError
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.redis import needs_redis, redis_server
from tests.support.redis_script import HELLO, scripted_redis


def settings(**said: Any) -> RedisSettings:
    return RedisSettings.model_validate({"url": "redis://127.0.0.1:1", "connect_timeout": "10s", **said})


async def dial(address: TcpAddress | UnixAddress, said: RedisSettings | None = None, **more: Any) -> Connection:
    def nothing(*told: Any) -> None:
        return None

    def stall(connection: Connection) -> None:
        connection.fail("late")

    return await Dialer(said or settings()).dial(address, nothing, stall, nothing, timeout=10.0, **more)


async def test_a_connection_greets_and_does_what_it_begins_with() -> None:
    async with scripted_redis() as server:
        address = TcpAddress("127.0.0.1", server.port)
        connection = await dial(address, settings(password="p"), then=[("CLIENT", "TRACKING", "ON")])
        assert server.commands[0] == [b"HELLO", b"3", b"AUTH", b"default", b"p", b"SETNAME", b"slipstream"]
        assert server.commands[-1] == [b"CLIENT", b"TRACKING", b"ON"]
        assert connection.timeout == 10.0
        connection.abort("done")


async def test_nobody_there_is_said_so() -> None:
    with pytest.raises(RedisDownError):
        await dial(TcpAddress("127.0.0.1", free_port()))
    with pytest.raises(RedisDownError):
        await dial(UnixAddress("/nowhere/redis.sock"))


async def test_one_that_is_loading_is_down_and_one_that_is_too_old_says_so() -> None:
    async with scripted_redis() as server:
        address = TcpAddress("127.0.0.1", server.port)
        server.reply = lambda command: HELLO if command[0] == b"HELLO" else b"-LOADING the dataset\r\n"
        with pytest.raises(RedisDownError, match="LOADING"):
            await dial(address)
        server.reply = lambda command: b"-ERR unknown command `HELLO`\r\n"
        with pytest.raises(RedisError, match="too old"):
            await dial(address)


async def test_no_secret_gets_into_the_words() -> None:
    async with scripted_redis(lambda command: b"-ERR bad: AUTH geheim!\r\n") as server:
        with pytest.raises(RedisError) as refused:
            await dial(TcpAddress("127.0.0.1", server.port), settings(password="geheim!"))
        assert "geheim" not in str(refused.value)


async def test_silence_ends_by_itself() -> None:
    async with scripted_redis(lambda command: None) as server:
        with pytest.raises(RedisDownError):
            await dial(TcpAddress("127.0.0.1", server.port), settings(connect_timeout="50ms"))


@needs_redis
async def test_users_and_passwords_are_those_of_the_server() -> None:
    with redis_server("--user", "default", "off", "--user", "me", "on", ">pass", "~*", "&*", "+@all") as server:
        address = TcpAddress("127.0.0.1", server.port)
        connection = await dial(address, settings(username="me", password="pass"))
        assert await connection.send(("ACL", "WHOAMI")) == b"me"
        connection.abort("done")
        with pytest.raises(RedisError, match="WRONGPASS"):
            await dial(address, settings(username="me", password="wrong"))


@needs_redis
async def test_tls_is_checked_and_a_file_will_do_as_well(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    own = authority.issue("redis", "127.0.0.1")
    port, path = free_port(), tmp_path / "redis.sock"
    files = ("--tls-cert-file", str(own.certificate), "--tls-key-file", str(own.key))
    options = (*files, "--tls-ca-cert-file", str(authority.file), "--tls-auth-clients", "no", "--tls-port", str(port))
    with redis_server(*options, "--unixsocket", str(path)):
        url = f"rediss://127.0.0.1:{port}"
        said = settings(url=url, tls={"ca": str(authority.file)})
        connection = await dial(TcpAddress("127.0.0.1", port), said)
        assert await connection.send(("PING",)) == b"PONG"
        connection.abort("done")
        with pytest.raises(RedisDownError, match="certificate"):
            await dial(TcpAddress("127.0.0.1", port), settings(url=url))
        connection = await dial(UnixAddress(str(path)), settings(), database=2)
        assert b"db=2" in await connection.send(("CLIENT", "INFO"))
        connection.abort("done")

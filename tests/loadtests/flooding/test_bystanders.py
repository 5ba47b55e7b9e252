import asyncio

from loadtests.flooding.bystanders import stand_by
from loadtests.websocket_origin import Pushing
from tests.support.framed import until


async def test_bystanders_speak_and_note_how_long_an_echo_takes() -> None:
    server = await asyncio.get_running_loop().create_server(Pushing, "127.0.0.1", 0)
    seconds: list[float] = []
    bystanders = await stand_by(server.sockets[0].getsockname()[1], 3, seconds)
    await until(lambda: all(each.heard >= 3 for each in bystanders))
    assert len(seconds) == sum(each.heard for each in bystanders)
    assert all(0 < each < 60 for each in seconds)
    for each in bystanders:
        each.stop()
        each.transport.abort()
    await until(lambda: all(each.is_lost for each in bystanders))
    server.close()

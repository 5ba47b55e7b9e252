import pytest

from gateway.websocket.desk import ConnectionDesk
from tests.support.framed import Framed


async def test_a_list_is_in_order_and_bounded() -> None:
    framed = Framed()
    others = [Framed(connections=framed.connections) for _ in range(4)]
    others[2].client.is_stalled = True
    for _ in range(3):
        others[2].news("x" * 70_000)
    desk = ConnectionDesk(framed.connections)
    by_age = await desk.list({})
    assert by_age["count"] == 5
    ages = [row["age"] for row in by_age["connections"]]
    assert ages == sorted(ages, reverse=True)
    by_queue = await desk.list({"order": "queue", "most": 2})
    assert by_queue["count"] == 5
    assert [row["queue"]["down"]["messages"] > 0 for row in by_queue["connections"]] == [True, False]
    assert (await desk.list({"route": "other"}))["count"] == 0


async def test_one_is_closed_with_words() -> None:
    framed = Framed()
    desk = ConnectionDesk(framed.connections)
    name = framed.connections.table().rows[0]["id"]
    assert await desk.close({"id": "nobody"}) == {"closed": 0}
    with pytest.raises(ValueError, match="1006 is not a close code"):
        await desk.close({"id": name, "code": 1006})
    assert await desk.close({"id": name, "code": 4242, "reason": "why"}) == {"closed": 1}
    assert framed.codes() == (4242, 1001)

"""The contract is kept by both sides: the listener's exchange asks, the upstream's way answers."""

from gateway.chain import direct
from gateway.listener.exchange import Exchange
from gateway.upstream.direct import Attempt


def declared(protocol: type) -> set[str]:
    return {name for name in (*vars(protocol), *protocol.__annotations__) if not name.startswith("_")}


def test_an_exchange_is_an_asker() -> None:
    missing = {name for name in declared(direct.Asker) if not hasattr(Exchange, name)}
    assert declared(direct.Asker) >= {"finished", "succeeded", "failed", "take_over"}
    assert not missing


def test_an_attempt_can_be_cancelled_as_a_future_can() -> None:
    assert declared(direct.Attempt) == {"cancel"}
    assert hasattr(Attempt, "cancel")

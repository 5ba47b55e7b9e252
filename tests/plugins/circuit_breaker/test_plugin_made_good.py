"""Servers that give no connection open their circuits although another server answers in their place."""

from gateway.api import BodyStream, Request, Response, UpstreamClosedError, UpstreamConnectError, UpstreamError
from tests.support.circuits import Guarded
from tests.support.plugins import ScriptedUpstream, make_response

A, B = "http://a", "http://b"


def in_place_of(
    server: str, error: UpstreamError, *, fails: bool = False, streams: bool = False, tries: list[str] | None = None
) -> ScriptedUpstream:
    """The end of the road when `server` fails and another one is asked in its place, which may fail as well, or answer
    with content that has not come yet."""

    def answer(request: Request) -> Response:
        asked = server if server not in request.avoid else B
        if tries is not None:
            tries.append(asked)
        if asked == server:
            error.server = server
            request.made_good = error
        request.served_by = B
        if fails:
            raise UpstreamConnectError("refused")
        response = make_response(200)
        if streams:
            response.body = BodyStream()
        return response

    return ScriptedUpstream(answer)


async def test_the_circuit_of_the_server_that_failed_opens_and_that_of_the_one_that_helped_does_not() -> None:
    guarded = Guarded(in_place_of(A, UpstreamConnectError("refused")), servers=(A, B))
    for _ in range(2):
        assert isinstance(await guarded.get(), Response)
    assert guarded.states()[f"server:app/{A}"] == "open"
    assert guarded.states().get(f"server:app/{B}", "closed") == "closed"


async def test_a_probe_that_another_server_made_good_has_failed() -> None:
    tries: list[str] = []
    upstream = in_place_of(A, UpstreamConnectError("refused"), tries=tries)
    guarded = Guarded(upstream, servers=(A, B), open_for="5s", open_growth=2)
    for _ in range(2):
        await guarded.get()
    guarded.clock.advance(5.0)
    for _ in range(3):
        assert isinstance(await guarded.get(), Response)
    assert guarded.states()[f"server:app/{A}"] == "open"
    assert tries.count(A) == 3, "two that opened it, and one probe"


async def test_a_probe_that_never_came_to_its_server_is_followed_by_another_one() -> None:
    guarded = Guarded(in_place_of(A, UpstreamConnectError("refused")), servers=(A, B), open_for="5s")
    for _ in range(2):
        await guarded.get()
    tries: list[str] = []
    upstream = in_place_of(A, UpstreamClosedError("gone"), streams=True, tries=tries)
    guarded.handle = guarded.plugin.wrap(upstream)
    guarded.clock.advance(5.0)
    for _ in range(3):
        assert isinstance(await guarded.get(), Response)
    assert guarded.states()[f"server:app/{A}"] == "half-open"
    assert tries == [A, A, A]


async def test_when_both_fail_both_are_judged() -> None:
    guarded = Guarded(in_place_of(A, UpstreamConnectError("refused"), fails=True), servers=(A, B))
    for _ in range(2):
        assert isinstance(await guarded.get(), UpstreamConnectError)
    assert guarded.states() == {f"server:app/{A}": "open", f"server:app/{B}": "open"}


async def test_a_kept_connection_that_had_died_is_no_failure() -> None:
    guarded = Guarded(in_place_of(A, UpstreamClosedError("gone")), servers=(A, B))
    for _ in range(20):
        assert isinstance(await guarded.get(), Response)
    assert set(guarded.states().values()) <= {"closed"}


async def test_one_circuit_for_the_whole_upstream_goes_by_what_became_of_requests() -> None:
    guarded = Guarded(in_place_of(A, UpstreamConnectError("refused")), servers=(A, B), per="upstream")
    for _ in range(20):
        assert isinstance(await guarded.get(), Response)
    assert guarded.states() == {"upstream:app": "closed"}

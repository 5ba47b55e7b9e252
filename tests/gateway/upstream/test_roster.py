import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.chain.deadlines import Deadlines
from gateway.chain.runtime import Tasks
from gateway.config import UpstreamSettings
from gateway.errors import (
    GatewayError,
    NoServerError,
    PoolTimeoutError,
    UpstreamConnectError,
    UpstreamTimeoutError,
)
from gateway.figures import Figures
from gateway.http.message import Monotonic, Request, Response
from gateway.upstream.balancer import Balancer, ByKey, LeastLatency, LeastPending, Turns
from gateway.upstream.endpoint import Endpoint, endpoint_of
from gateway.upstream.figures import UpstreamFigures
from gateway.upstream.roster import Roster, balancer_of, lag_seconds
from gateway.upstream.server import Server
from gateway.websocket.tunnel import UpgradedUpstream
from tests.support.plugins import make_request, make_response
from tests.support.transports import FakeTransport

A, B, C = "http://a", "http://b", "http://c"
R1, R2 = "http://r1", "http://r2"
NONE: frozenset[str] = frozenset()


class Case:
    """A roster, what it counts, and what the supervisor would tell it."""

    def __init__(self, *urls: str, before: Roster | None = None, **settings: Any) -> None:
        self.settings = UpstreamSettings.model_validate({"servers": list(urls), "balance": "round_robin", **settings})
        self.figures = Figures.in_memory()
        own = UpstreamFigures(self.figures, "app")
        deadlines = Deadlines(asyncio.get_running_loop())
        self.roster = Roster("app", self.settings, deadlines, Tasks(), own, before)

    def tell(self, **changes: Mapping[str, Any]) -> None:
        """Tell that servers, by the last letters of their URLs, stand otherwise than usual."""

        def told(endpoint: Endpoint) -> dict[str, Any]:
            return replace(endpoint, **changes.get(endpoint.url.rpartition("/")[2], {})).to_message()

        teams = {"servers": self.settings.servers, "replicas": self.settings.replicas}
        self.roster.tell({name: [told(endpoint_of(each)) for each in team] for name, team in teams.items()})

    def server(self, url: str) -> Server:
        return next(server for server in self.roster.servers if server.url == url)

    def choose(self, request: Request | None = None, avoid: frozenset[str] = NONE) -> Server:
        return self.roster.choose(request or make_request(), time.monotonic(), avoid)

    def chosen(self, method: str = "GET", count: int = 12, avoid: frozenset[str] = NONE) -> Counter[str]:
        return Counter(self.choose(make_request(method), avoid).url for _ in range(count))

    def answer(self, url: str, status: int = 200, method: str = "GET", times: int = 1, **fields: str) -> Any:
        response = make_response(status, {name.replace("_", "-"): value for name, value in fields.items()})
        for _ in range(times):
            self.roster.answered(self.server(url), make_request(method), response, 0.01, time.monotonic())
        return response

    def fail(self, url: str, error: GatewayError, times: int = 1, request: Request | None = None) -> None:
        for _ in range(times):
            self.roster.failed(self.server(url), request or make_request(), error, 0.01, time.monotonic())


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"balance": "round_robin"}, Turns),
        ({"balance": "least_pending"}, LeastPending),
        ({"balance": "ewma"}, LeastLatency),
        ({"balance": "hash", "hash": {"path": True}}, ByKey),
    ],
)
def test_the_settings_say_how_to_choose(settings: dict[str, Any], kind: type[Balancer]) -> None:
    assert type(balancer_of(UpstreamSettings.model_validate({"servers": [A], **settings}))) is kind


async def test_one_server_is_neither_chosen_nor_watched() -> None:
    case = Case(A)
    assert case.roster.only is case.choose()
    assert not case.roster.is_watched


async def test_several_servers_share_the_requests() -> None:
    case = Case(A, B, C)
    assert case.roster.only is None
    assert case.chosen() == {A: 4, B: 4, C: 4}


async def test_the_same_key_goes_to_the_same_server() -> None:
    case = Case(A, B, C, balance="hash", hash={"header": "X-Tenant"})
    homes = {name: {case.choose(make_request(fields={"X-Tenant": name})) for _ in range(5)} for name in "abcdefgh"}
    assert all(len(servers) == 1 for servers in homes.values())
    assert len(set.union(*homes.values())) == 3


def an_upgrade(**fields: str) -> Request:
    request = make_request(fields={name.replace("_", "-"): value for name, value in fields.items()})
    request.upgrade = b"websocket"
    return request


class TestUpgrades:
    def open(self, case: Case, request: Request | None = None, avoid: frozenset[str] = NONE) -> tuple[str, Response]:
        request, response = request or an_upgrade(), make_response(101)
        response.upgraded = UpgradedUpstream(FakeTransport(), b"", lambda: None)
        server = case.choose(request, avoid)
        case.roster.upgraded(server, request, response)
        return server.url, response

    async def test_they_go_where_fewest_are_open_whatever_waits(self) -> None:
        case = Case(A, B, balance="least_pending")
        opened = [self.open(case)[1] for _ in range(10)]
        assert {url: shown["upgraded"] for url, shown in case.roster.status().items()} == {A: 5, B: 5}
        for response in opened[::2]:
            response.upgraded.ended()
        found = Counter(self.open(case)[0] for _ in range(5))
        assert {url: shown["upgraded"] for url, shown in case.roster.status().items()} == {A: 5, B: 5}
        assert sum(found.values()) == 5
        assert case.chosen(count=100)[A] > 20  # requests take no notice of connections that say nothing

    async def test_a_reload_forgets_no_connection(self) -> None:
        case = Case(A, B)
        _, response = self.open(case)
        after = Case(A, B, before=case.roster, slow_start="1s")
        assert sum(each.memory.upgraded for each in after.roster.servers) == 1
        response.upgraded.ended()
        assert sum(each.memory.upgraded for each in after.roster.servers) == 0

    async def test_a_client_comes_back_by_its_cookie_while_the_server_is_fit(self) -> None:
        case = Case(A, B, C, sticky={"cookie": "server"})
        first, response = self.open(case)
        cookie = (response.fields.get(b"set-cookie") or b"").decode().partition(";")[0]
        for _ in range(4):
            url, response = self.open(case, an_upgrade(Cookie=cookie))
            assert url == first
            assert b"set-cookie" not in response.fields
        case.tell(**{first.rpartition("/")[2]: {"is_draining": True}})
        url, response = self.open(case, an_upgrade(Cookie=cookie))
        assert url != first
        assert b"set-cookie" in response.fields

    async def test_the_only_server_needs_no_cookie(self) -> None:
        assert b"set-cookie" not in self.open(Case(A, sticky={"cookie": "server"}))[1].fields

    async def test_a_field_names_the_client(self) -> None:
        case = Case(A, B, C, sticky={"header": "X-Client"})
        homes = {name: {self.open(case, an_upgrade(X_Client=name))[0] for _ in range(2)} for name in "abcdefgh"}
        assert all(len(urls) == 1 for urls in homes.values())

    async def test_no_replica_gets_one(self) -> None:
        case = Case(A, replicas=[R1, R2])
        assert {self.open(case)[0] for _ in range(6)} == {A}
        assert not case.roster.has_another(case.server(A), an_upgrade())

    async def test_without_a_server_there_is_none(self) -> None:
        case = Case(A, B)
        case.tell(a={"is_draining": True}, b={"is_draining": True})
        with pytest.raises(NoServerError):
            case.choose(an_upgrade())


class TestTold:
    @pytest.mark.parametrize("change", [{"is_healthy": False}, {"is_draining": True}])
    async def test_a_server_that_may_not_be_used_gets_nothing(self, change: dict[str, bool]) -> None:
        case = Case(A, B, C)
        case.tell(b=change)
        assert case.chosen() == {A: 6, C: 6}
        case.tell()
        assert case.chosen() == {A: 4, B: 4, C: 4}

    async def test_the_only_server_may_be_drained_as_well(self) -> None:
        case = Case(A)
        case.tell(a={"is_draining": True})
        with pytest.raises(NoServerError, match="drained") as refused:
            case.choose()
        assert (refused.value.status, refused.value.retry_after) == (503, 1.0)
        case.tell()
        assert case.choose().url == A

    async def test_without_a_healthy_server_the_bad_ones_are_used_unless_that_is_off(self) -> None:
        case = Case(A, B)
        case.tell(a={"is_healthy": False}, b={"is_healthy": False})
        assert case.chosen() == {A: 6, B: 6}
        calm = Case(A, B, panic=0)
        calm.tell(a={"is_healthy": False}, b={"is_healthy": False})
        with pytest.raises(NoServerError, match="healthy"):
            calm.choose()
        assert calm.figures.value("upstream_requests_total", upstream="app", outcome="no_server") == 1

    async def test_servers_that_are_learnt_come_when_they_are_told(self) -> None:
        case = Case("dns+http://app.internal:80")
        with pytest.raises(NoServerError, match="no server yet"):
            case.choose()
        endpoints = [Endpoint(f"http://10.0.0.{n}:80", 1, "app.internal", f"10.0.0.{n}", 80) for n in (1, 2)]
        case.roster.tell({"servers": [each.to_message() for each in endpoints], "replicas": []})
        assert case.chosen() == {"http://10.0.0.1:80": 6, "http://10.0.0.2:80": 6}
        kept = case.server("http://10.0.0.2:80")
        case.roster.tell({"servers": [endpoints[1].to_message()], "replicas": []})
        assert case.roster.only is kept

    async def test_a_server_that_stays_keeps_its_pool_and_its_past(self) -> None:
        case = Case(A, B)
        before = case.server(A)
        before.pending = 3
        case.tell(b={"is_healthy": False})
        assert case.server(A) is before
        assert case.server(A).pending == 3

    async def test_a_weight_may_change(self) -> None:
        case = Case(A, B)
        case.tell(a={"weight": 3})
        assert case.chosen() == {A: 9, B: 3}

    async def test_a_server_that_comes_back_warms_up(self) -> None:
        case = Case(A, B, slow_start="1h")
        case.tell(b={"is_healthy": False})
        case.tell()
        assert case.chosen(count=110)[B] == 10
        assert case.figures.value("upstream_server_weight", upstream="app", server=B) == 0
        case.roster.sweep()
        assert case.figures.value("upstream_server_weight", upstream="app", server=B) == pytest.approx(0.1, rel=0.01)

    async def test_a_server_that_is_well_again_begins_with_a_clean_sheet(self) -> None:
        case = Case(A, B)
        case.fail(A, UpstreamConnectError("x"))
        case.tell(a={"is_healthy": False})
        case.tell()
        assert case.chosen() == {A: 6, B: 6}
        assert case.server(A).memory.average.at(time.monotonic()) == 0.0

    async def test_what_was_told_first_warms_nobody_up(self) -> None:
        case = Case(A, B, slow_start="1h")
        case.tell()
        assert case.chosen() == {A: 6, B: 6}


class TestEjection:
    async def test_a_server_that_keeps_failing_is_left_out_and_shown(self) -> None:
        case = Case(A, B, C)
        with capture_logs() as logs:
            case.answer(B, 503, times=5)
        assert case.chosen() == {A: 6, C: 6}
        assert [(log["event"], log["server"], log["reason"]) for log in logs] == [("server is left out", B, "failures")]
        case.roster.sweep()
        labels = {"upstream": "app", "server": B}
        assert case.figures.value("upstream_server_ejected", **labels) == 1
        assert case.figures.value("upstream_ejections_total", **labels, reason="failures") == 1
        assert case.roster.status()[B]["ejected_seconds"] > 0
        assert not case.roster.status()[B]["used"]

    async def test_never_more_than_the_share_is_left_out(self) -> None:
        case = Case(A, B, C)
        case.answer(A, 503, times=20)
        case.answer(B, 503, times=20)
        assert case.chosen() == {B: 6, C: 6}

    async def test_it_may_be_switched_off(self) -> None:
        case = Case(A, B, ejection="off")
        assert not case.roster.is_watched
        case.fail(A, UpstreamTimeoutError("x"), times=50)
        assert case.chosen() == {A: 6, B: 6}

    async def test_a_server_that_lies_far_below_the_others_is_found_at_a_sweep(self) -> None:
        case = Case(A, B, C, ejection={"interval": "1ms", "errors": "off", "failures": "off"})
        for url, bad in ((A, 1), (B, 40), (C, 0)):
            case.answer(url, 200, times=60)
            case.answer(url, 500, times=bad)
        await asyncio.sleep(0.002)  # the interval
        case.roster.sweep()
        assert case.chosen() == {A: 6, C: 6}

    async def test_limits_of_ours_are_nobodys_failure(self) -> None:
        case = Case(A, B)
        case.fail(A, PoolTimeoutError("x"), times=50)
        assert case.chosen() == {A: 6, B: 6}

    async def test_a_deadline_too_short_to_answer_in_proves_nothing(self) -> None:
        case = Case(A, B)
        hurried = make_request()
        hurried.deadline = Monotonic(time.monotonic())
        case.fail(A, UpstreamTimeoutError("x"), times=50, request=hurried)
        assert case.chosen() == {A: 6, B: 6}
        case.fail(A, UpstreamTimeoutError("x"), times=5)
        assert case.chosen() == {B: 12}

    async def test_a_server_that_gives_no_connection_rests_at_once(self) -> None:
        case = Case(A, B, ejection="off")
        case.fail(A, UpstreamConnectError("x"))
        assert case.chosen() == {B: 12}

    async def test_a_reload_keeps_what_was_learnt_about_servers_that_stay(self) -> None:
        case = Case(A, B, C)
        case.answer(B, 503, times=5)
        after = Case(B, C, "http://d", before=case.roster)
        assert after.chosen() == {C: 6, "http://d": 6}


class TestReplicas:
    def case(self, **settings: Any) -> Case:
        return Case(A, replicas=[R1, R2], **settings)

    async def test_reads_go_to_replicas_and_writes_to_servers(self) -> None:
        case = self.case()
        assert case.chosen("GET") == case.chosen("HEAD") == {R1: 6, R2: 6}
        assert case.chosen("POST") == case.chosen("DELETE") == {A: 12}

    async def test_without_a_replica_reads_go_to_servers(self) -> None:
        case = self.case()
        case.tell(r1={"is_healthy": False}, r2={"is_draining": True})
        assert case.chosen("GET") == {A: 12}

    async def test_a_read_that_all_replicas_failed_goes_to_a_server(self) -> None:
        assert self.case().chosen("GET", avoid=frozenset({R1, R2})) == {A: 12}

    async def test_whether_another_server_may_be_tried_depends_on_the_method(self) -> None:
        case = self.case()
        assert case.roster.has_another(case.server(R1), make_request("GET"))
        assert not case.roster.has_another(case.server(A), make_request("POST"))

    async def test_a_client_that_wrote_reads_from_a_server_and_others_do_not(self) -> None:
        case = self.case(read_your_writes={"window": "1m"})
        cookie = case.answer(A, 201, "POST").fields.get(b"set-cookie").decode().partition(";")[0]
        wrote = make_request("GET", fields={"Cookie": cookie})
        assert {case.choose(wrote).url for _ in range(6)} == {A}
        assert case.chosen("GET") == {R1: 6, R2: 6}

    @pytest.mark.parametrize(("status", "method"), [(200, "GET"), (409, "POST"), (500, "POST")])
    async def test_reads_and_writes_that_failed_leave_no_mark(self, status: int, method: str) -> None:
        case = self.case(read_your_writes={})
        assert b"set-cookie" not in case.answer(A, status, method).fields

    async def test_workers_that_were_told_the_same_key_know_each_others_marks(self) -> None:
        one, other = (self.case(read_your_writes={"header": "X-Wrote", "cookie": "off"}) for _ in range(2))
        for case in (one, other):
            case.roster.sign_with(b"k" * 32)
        token = one.answer(A, 200, "POST").fields.get(b"x-wrote").decode()
        assert other.choose(make_request("GET", fields={"X-Wrote": token})).url == A

    async def test_a_replica_that_says_that_it_lags_is_left_out(self) -> None:
        case = self.case(lag={"header": "X-Lag", "most": "2s"})
        case.answer(R1, X_Lag="2.5")
        case.answer(R2, X_Lag="1.5")
        assert case.chosen("GET") == {R2: 12}
        case.answer(R2, X_Lag="1m")
        assert case.chosen("GET") == {A: 12}

    async def test_what_a_check_found_lagging_is_left_out_until_it_is_told_otherwise(self) -> None:
        case = self.case(lag={"header": "X-Lag"})
        case.tell(r1={"is_lagging": True})
        assert case.chosen("GET") == {R2: 12}
        case.tell()
        assert case.chosen("GET") == {R1: 6, R2: 6}


async def test_panic_is_shown_and_logged_once() -> None:
    case = Case(A, B, C)
    with capture_logs() as logs:
        for healthy in (True, False, False, True, True):
            case.tell(**{name: {"is_healthy": healthy} for name in "abc"})
            case.roster.sweep()
    assert [log["event"] for log in logs] == ["too few good servers: all are used", "enough good servers again"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"3", 3.0), (b"0.5", 0.5), (b" 2s ", 2.0), (b"250ms", 0.25), (b"soon", None), (b"", None), (b"-1", None)],
)
def test_how_far_behind_a_replica_is_may_have_a_unit(value: bytes, seconds: float | None) -> None:
    assert lag_seconds(value) == seconds

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import UpstreamSettings
from gateway.upstream.group import Group, GroupRules
from gateway.upstream.member import Member
from gateway.upstream.sticky import FEW, ByClient, ByServerCookie, LeastConnections, ServerCookie, Sticky, address_key
from tests.support.plugins import make_request, make_response

NOW = 1000.0
COOKIE = ServerCookie("app", "server", b"")


def servers(*weights: int) -> list[Member]:
    return [Member(f"http://s{number}", weight) for number, weight in enumerate(weights)]


def connected(members: list[Member], count: int, balancer: Any, key: bytes | None = None) -> list[int]:
    """Connections of each server after so many more that all stay."""
    balancer.know(members)
    for _ in range(count):
        balancer.choose(members, False, NOW, key, ()).memory.upgraded += 1
    return [member.memory.upgraded for member in members]


def numbered(client: str = "192.0.2.1", **fields: str) -> Any:
    return make_request(fields=fields, peer=client)


class TestLeastConnections:
    def test_equal_servers_get_equally_many(self) -> None:
        assert connected(servers(1, 1, 1), 30, LeastConnections()) == [10, 10, 10]

    def test_weights_are_shares_of_the_connections(self) -> None:
        assert connected(servers(3, 1), 40, LeastConnections()) == [30, 10]

    def test_a_server_that_lost_its_connections_gets_the_next_ones(self) -> None:
        members = servers(1, 1, 1)
        members[0].memory.upgraded = members[2].memory.upgraded = 50
        assert connected(members, 50, LeastConnections()) == [50, 50, 50]

    def test_a_server_that_warms_up_gets_its_part_of_them(self) -> None:
        members = servers(1, 1)
        members[0].share = 0.1
        assert connected(members, 110, LeastConnections()) == [10, 100]

    def test_of_servers_with_equally_many_the_less_busy_one_is_chosen(self) -> None:
        members = servers(1, 1, 1)
        members[0].pending = members[1].pending = 3
        assert connected(members, 1, LeastConnections()) == [0, 0, 1]

    def test_with_nothing_to_choose_by_they_take_turns(self) -> None:
        members, balancer = servers(1, 1, 1), LeastConnections()
        taken = Counter(balancer.choose(members, True, NOW, None, ()).url for _ in range(9))
        assert set(taken.values()) == {3}

    @given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40)), min_size=1, max_size=6), st.integers(0, 100))
    def test_nobody_has_more_for_its_share_than_another_would_have(
        self, given_: list[tuple[int, int]], count: int
    ) -> None:
        members = servers(*(weight for weight, _ in given_))
        least = LeastConnections()
        for _ in range(count):
            chosen = least.choose(members, False, NOW, None, ())
            mine = (chosen.memory.upgraded + 1) / chosen.share
            assert all(mine <= (each.memory.upgraded + 1) / each.share for each in members)
            chosen.memory.upgraded += 1


class TestCookie:
    def group(self, *weights: int) -> tuple[Group, list[Member]]:
        members, group = servers(*weights), Group(LeastConnections(), GroupRules(), ByServerCookie(COOKIE))
        group.have(members, NOW)
        return group, members

    def test_the_server_it_names_is_chosen_however_many_it_has(self) -> None:
        group, members = self.group(1, 1, 1)
        members[1].memory.upgraded = 1000
        token = COOKIE.token(members[1].url)
        assert {group.choose(NOW, token, (), True) for _ in range(9)} == {members[1]}

    @pytest.mark.parametrize("change", [{"is_draining": True}, {"is_healthy": False}, {"resting_until": NOW + 9}])
    def test_a_server_that_is_not_fit_is_replaced(self, change: dict[str, Any]) -> None:
        group, members = self.group(1, 1, 1)
        for name, value in change.items():
            setattr(members[1], name, value)
        group.look(NOW)
        token = COOKIE.token(members[1].url)
        assert members[1] not in {group.choose(NOW, token, (), True) for _ in range(9)}

    def test_a_server_that_just_failed_this_request_is_avoided(self) -> None:
        group, members = self.group(1, 1, 1)
        token = COOKIE.token(members[1].url)
        assert group.choose(NOW, token, {members[1].url}, True) is not members[1]

    @pytest.mark.parametrize("said", [None, b"", b"nobody", COOKIE.token("http://gone")])
    def test_without_a_server_of_ours_the_least_loaded_is_chosen(self, said: bytes | None) -> None:
        group, members = self.group(1, 1, 1)
        members[0].memory.upgraded = members[1].memory.upgraded = 1
        assert group.choose(NOW, said, (), True) is members[2]

    def test_a_client_is_told_once(self) -> None:
        response = make_response(101)
        COOKIE.put(numbered(), response, "http://s1")
        told = (response.fields.get(b"set-cookie") or b"").decode()
        pair, *attributes = told.split("; ")
        assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax"]
        again, other = make_response(101), make_response(101)
        knowing = numbered(Cookie=f"a=1; {pair}")
        COOKIE.put(knowing, again, "http://s1")
        COOKIE.put(knowing, other, "http://s2")
        assert b"set-cookie" not in again.fields
        assert b"set-cookie" in other.fields

    def test_over_tls_it_stays_on_tls(self) -> None:
        response = make_response(101)
        COOKIE.put(make_request(scheme="https"), response, "http://s1")
        assert b"; Secure" in (response.fields.get(b"set-cookie") or b"")

    def test_the_name_depends_on_server_upstream_and_key_and_tells_no_address(self) -> None:
        url = "http://10.0.0.7:8000"
        others = (ServerCookie("other", "server", b""), ServerCookie("app", "server", b"0123456789abcdef" * 5))
        tokens = {COOKIE.token(url), COOKIE.token("http://10.0.0.8:8000"), *(each.token(url) for each in others)}
        assert len(tokens) == 4
        assert COOKIE.token(url) == ServerCookie("app", "cookie", b"").token(url)
        assert all(len(token) == 16 and b"10.0" not in token for token in tokens)


class TestClient:
    def test_a_client_comes_back_to_its_server(self) -> None:
        members, balancer = servers(1, 1, 1), ByClient(1.25)
        balancer.know(members)
        homes = {key: {balancer.choose(members, True, NOW, b"%d" % key, ()).url for _ in range(3)} for key in range(50)}
        assert all(len(each) == 1 for each in homes.values())
        assert len(set.union(*homes.values())) == 3

    def test_many_clients_behind_one_address_do_not_share_one_server(self) -> None:
        found = connected(servers(1, 1, 1), 300, ByClient(1.25), b"192.0.2.1")
        assert max(found) <= 127
        assert min(found) > 0

    def test_few_connections_stay_together(self) -> None:
        assert sorted(connected(servers(1, 1, 1), FEW, ByClient(1.25), b"k")) == [0, 0, FEW]

    def test_a_server_that_may_not_be_chosen_is_passed_by(self) -> None:
        members, balancer = servers(1, 1, 1), ByClient(1.25)
        balancer.know(members)
        home = balancer.choose(members, True, NOW, b"k", ())
        home.is_able = False
        able = [member for member in members if member.is_able]
        other = balancer.choose(able, True, NOW, b"k", ())
        assert other is not home
        assert balancer.choose(able, True, NOW, b"k", {other.url}) not in (home, other)

    def test_without_a_key_the_least_loaded_is_chosen(self) -> None:
        assert connected(servers(1, 1), 10, ByClient(1.25)) == [5, 5]

    @pytest.mark.parametrize(
        ("client", "key"),
        [
            ("192.0.2.7", bytes([192, 0, 2, 7])),
            ("2001:db8::1", bytes.fromhex("20010db800000000")),
            ("2001:db8::ffff", bytes.fromhex("20010db800000000")),
            ("unix:", None),
            ("", None),
        ],
    )
    def test_an_address_is_a_key(self, client: str, key: bytes | None) -> None:
        assert address_key(numbered(client)) == key


class TestSettings:
    def sticky(self, **settings: Any) -> Sticky:
        checked = UpstreamSettings.model_validate({"servers": ["http://a", "http://b"], **settings})
        return Sticky("app", checked, None if checked.hash is None else lambda request: b"hashed")

    def test_upgrades_are_counted_however_requests_are_balanced(self) -> None:
        for balance in ("least_pending", "round_robin", "ewma"):
            assert isinstance(self.sticky(balance=balance).balancer, LeastConnections)

    def test_where_requests_are_hashed_upgrades_are_too(self) -> None:
        sticky = self.sticky(balance="hash", hash={"path": True})
        assert sticky.balancer is None
        assert sticky.key_of is not None
        assert sticky.key_of(numbered()) == b"hashed"

    def test_a_cookie_is_read_and_written(self) -> None:
        sticky = self.sticky(sticky={"cookie": "server", "key": "0123456789abcdef"})
        assert isinstance(sticky.balancer, ByServerCookie)
        assert sticky.key_of is not None
        assert sticky.key_of(numbered(Cookie="server=x")) == b"x"
        assert sticky.cookie is not None
        assert sticky.cookie.token("http://a") != COOKIE.token("http://a")

    @pytest.mark.parametrize(
        ("settings", "key"), [({"header": "X-Client"}, b"7"), ({"address": True}, bytes([192, 0, 2, 1]))]
    )
    def test_programs_are_known_by_a_field_or_their_address(self, settings: dict[str, Any], key: bytes) -> None:
        sticky = self.sticky(sticky=settings)
        assert isinstance(sticky.balancer, ByClient)
        assert sticky.cookie is None
        assert sticky.key_of is not None
        assert sticky.key_of(numbered(**{"X-Client": "7"})) == key

import math
from typing import Any

from plugins.circuit_breaker.circuit import Circuit, Listener, State
from plugins.circuit_breaker.group import ALL, LOOK_SECONDS, MOST_SERVERS, Admission, Group, Refusal
from plugins.circuit_breaker.rules import Rules

A, B, C = "http://a", "http://b", "http://c"
SERVERS = [A, B, C]


def a_group(*, per_server: bool = True, **rules: Any) -> Group:
    chosen = Rules(**{"jitter": 0.0, "ramp": 0.0, "open_for": 5.0, "minimum_calls": 2, **rules})
    return Group("server:app" if per_server else "upstream:app", chosen, lambda: 0.0, per_server=per_server)


def fail(group: Group, key: str, now: float = 0.0) -> None:
    """Open the circuit of a server by its failures."""
    for _ in range(2):
        group.breaker(key).record(True, 0.0, group.epochs.now, now)
    assert group.breakers[key].state is State.OPEN


def admitted(group: Group, now: float, servers: list[str] | None = None, avoid: Any = ()) -> Admission:
    found = group.admit(now, SERVERS if servers is None else servers, avoid)
    assert isinstance(found, Admission)
    return found


def test_one_bad_server_is_gone_around_and_does_not_open_the_whole() -> None:
    group = a_group()
    fail(group, A)
    assert not group.calm
    found = admitted(group, 1.0)
    assert (found.avoid, found.permits, found.probe) == (frozenset({A}), (), None)


def test_requests_are_refused_only_when_all_circuits_are_open() -> None:
    group = a_group()
    fail(group, A)
    fail(group, B, 1.0)
    assert admitted(group, 1.0).avoid == {A, B}
    fail(group, C, 2.0)
    refused = group.admit(3.0, SERVERS)
    assert isinstance(refused, Refusal)
    assert refused.until == 5.0  # that of the first that comes back
    assert refused.breaker is group.breakers[A]


def test_a_server_that_nobody_has_asked_yet_is_a_way() -> None:
    group = a_group()
    fail(group, A)
    fail(group, B)
    assert admitted(group, 1.0).avoid == {A, B}
    assert isinstance(group.admit(1.0, [A, B]), Refusal)


def test_circuits_of_servers_that_are_gone_do_not_count() -> None:
    group = a_group()
    fail(group, A)
    fail(group, B)
    group.breaker(C)
    assert isinstance(group.admit(1.0, [A]), Refusal)
    assert admitted(group, 1.0, [C]).avoid == {A, B}
    assert admitted(group, 100.0, [C]).probe is None  # nobody can be sent to it any more


def test_without_knowing_the_servers_those_that_were_seen_count() -> None:
    group = a_group()
    fail(group, A)
    assert isinstance(group.admit(1.0, []), Refusal)
    group.breaker(B)
    assert admitted(group, 1.0, []).avoid == {A}


def test_a_probe_is_sent_to_the_server_that_is_to_be_tried_and_to_no_other() -> None:
    group = a_group(probes=1)
    fail(group, A)
    found = admitted(group, 5.0)
    assert (found.probe, found.permits, found.avoid) == (A, (A,), frozenset({B, C}))
    assert admitted(group, 5.0).avoid == {A}  # its one permit is taken
    group.leave(found)
    assert admitted(group, 5.0).probe == A


def test_a_request_that_has_just_failed_at_a_server_is_no_probe_of_it() -> None:
    group = a_group(probes=1)
    fail(group, A)
    assert admitted(group, 5.0, avoid={A}).avoid == {A}
    assert group.breakers[A].state is State.OPEN


def test_all_closed_again_it_is_calm() -> None:
    group = a_group(probes=1)
    fail(group, A)
    found = admitted(group, 5.0)
    group.breakers[A].record(False, 0.0, found.epoch, 5.0, probe=True)
    group.leave(found)
    assert not admitted(group, 6.0).avoid
    assert group.calm


def test_a_server_in_its_ramp_is_gone_around_by_the_share_that_is_not_its_yet() -> None:
    group = a_group(probes=1, ramp=10.0)
    fail(group, A)
    found = admitted(group, 5.0)
    group.breakers[A].record(False, 0.0, found.epoch, 5.0, probe=True)
    group.leave(found)
    ways = [admitted(group, 5.0) for _ in range(100)]
    assert 5 <= sum(way.permits == (A,) for way in ways) <= 15
    assert all((way.avoid == {A}) is (way.permits == ()) for way in ways)


def test_while_all_are_open_everybody_is_told_the_same_at_once_until_somebody_looks_again() -> None:
    group = a_group()
    fail(group, A, 0.0)
    refused = group.admit(1.0, [A])
    assert group.shut is refused
    assert group.shut_until == 1.0 + LOOK_SECONDS
    group.admit(4.9, [A])
    assert group.shut_until == 5.0
    group.breakers[A].close(4.95)
    assert group.shut_until == -math.inf


def test_one_circuit_for_all_servers_is_asked_about_nobody_else() -> None:
    group = a_group(per_server=False, probes=1)
    fail(group, ALL)
    assert isinstance(group.admit(1.0, SERVERS), Refusal)
    found = admitted(group, 5.0)
    assert (found.probe, found.avoid) == (ALL, frozenset())
    refused = group.admit(5.0, SERVERS)
    assert isinstance(refused, Refusal)
    assert group.shut_until == -math.inf  # a probe may end at any time
    group.breakers[ALL].record(False, 0.0, found.epoch, 5.0, probe=True)
    group.leave(found)
    assert not admitted(group, 5.0).permits
    assert group.calm


def test_names_say_what_a_circuit_leads_to() -> None:
    assert a_group().breaker(A).circuit.title == "server:app/http://a"
    assert a_group(per_server=False).breaker(ALL).circuit.title == "upstream:app"


def test_listeners_of_the_group_hear_of_every_circuit_that_comes_later_too() -> None:
    class Recorder(Listener):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def changed(self, circuit: Circuit, before: State) -> None:
            self.heard.append(circuit.title)

    group, recorder = a_group(), Recorder()
    group.listeners.append(recorder)
    fail(group, A)
    fail(group, B)
    assert recorder.heard == ["server:app/http://a", "server:app/http://b"]


def opens_after(group: Group, most: int) -> int | None:
    """How many failures open a circuit."""
    breaker = group.breaker("http://new")
    breaker.reset(0.0)
    for number in range(1, most + 1):
        breaker.record(True, 0.0, group.epochs.now, 0.0)
        if breaker.state is State.OPEN:
            return number
    return None


def test_the_rules_of_the_last_configuration_count_for_old_circuits_and_new_ones() -> None:
    group = a_group(minimum_calls=2)
    group.breaker("http://new")
    group.join("one", Rules(minimum_calls=20))
    assert opens_after(group, 30) == 20
    group.join("two", Rules(minimum_calls=5))
    group.part("one")
    assert opens_after(group, 30) == 5


def test_rules_of_a_configuration_that_was_not_used_are_gone_with_it() -> None:
    group = a_group(minimum_calls=2)
    group.join("in use", Rules(minimum_calls=4))
    group.join("refused", Rules(minimum_calls=20))
    group.part("refused")
    group.part("refused")
    assert opens_after(group, 30) == 4


def test_servers_that_come_and_go_do_not_pile_up_and_open_circuits_go_last() -> None:
    group = a_group()
    fail(group, A)
    for number in range(2 * MOST_SERVERS):
        group.breaker(f"http://{number}")
    assert len(group.breakers) == MOST_SERVERS
    assert group.breakers[A].state is State.OPEN

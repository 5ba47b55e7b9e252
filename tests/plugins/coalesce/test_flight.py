from gateway.api import Fields, Monotonic
from plugins.coalesce.asked import asked_by
from plugins.coalesce.flight import Flight, Member, State, Turned
from plugins.coalesce.reasons import ApartReason
from tests.support.plugins import make_request

LINK = Fields([(b"Link", b"</a.css>")])


class Task:
    cancelled = 0

    def cancel(self) -> None:
        self.cancelled += 1


def flight() -> tuple[Flight, Task]:
    made, task = Flight(make_request(), begun=0), Task()
    made.task = task
    return made, task


def member(due: float = 30.0) -> Member:
    request = make_request()
    return Member(request, asked_by(request), None, Monotonic(0.0), Monotonic(due), waiter=None)


def test_without_followers_nobody_keeps_it() -> None:
    made, task = flight()
    assert not made.keeps()
    follower = member()
    made.follow(follower)
    made.leave(follower)
    assert not made.keeps()
    assert task.cancelled == 0, "the first request still waits"


def test_its_followers_keep_it_until_the_last_one_leaves() -> None:
    made, task = flight()
    first, second = member(), member()
    made.follow(first)
    made.follow(second)
    assert made.keeps()
    assert not made.has_leader
    made.leave(first)
    assert task.cancelled == 0
    made.leave(second)
    assert (task.cancelled, made.state) == (1, State.OVER)
    made.leave(second)
    assert task.cancelled == 1


def test_once_the_head_is_there_nobody_keeps_it_and_it_has_no_members() -> None:
    made, task = flight()
    follower = member()
    made.follow(follower)
    assert made.land(State.UNDER_WAY) == [follower]
    assert not made.keeps()
    made.leave(follower)
    assert task.cancelled == 0
    assert made.land(State.OVER) == []


def test_interim_responses_reach_all_and_newcomers_get_those_they_missed() -> None:
    made, _ = flight()
    heard: list[str] = []

    def hears(name: str) -> Member:
        one = member()
        one.request.interim = lambda status, fields: heard.append(f"{name} {status}")
        return one

    own = made.request.interim = lambda status, fields: heard.append(f"first {status}")
    made.follow(hears("second"))
    assert made.request.interim is not None
    made.request.interim(103, LINK)
    made.follow(hears("third"))
    assert heard == ["first 103", "second 103", "third 103"]
    made.keeps()
    made.request.interim(103, LINK)
    assert heard[3:] == ["second 103", "third 103"], "the first one has left"
    made.land(State.OVER)
    assert made.request.interim is own
    made.relay(103, LINK)
    assert len(heard) == 5


def test_clients_without_interest_in_interim_responses_are_left_in_peace() -> None:
    made, _ = flight()
    made.follow(member())
    made.relay(103, LINK)
    assert made.interims == [(103, LINK)]


def test_time_is_up_for_each_by_itself() -> None:
    made, _ = flight()
    early, late = member(5.0), member(9.0)
    assert flight()[0].due_at is None
    made.follow(late)
    made.follow(early)
    assert made.due_at == 5.0
    assert made.overdue(Monotonic(4.9)) == []
    assert made.overdue(Monotonic(5.0)) == [early]
    assert made.due_at == 9.0


def test_it_is_deserted_when_nobody_waits_for_its_head() -> None:
    made, _ = flight()
    one = member(5.0)
    made.follow(one)
    made.keeps()
    seen = [made.is_deserted]
    made.overdue(Monotonic(9.0))
    seen.append(made.is_deserted)
    made.land(State.OVER)
    seen.append(made.is_deserted)
    assert seen == [False, True, False]


def test_an_exchange_of_its_own_has_no_leader_but_members_alone() -> None:
    made, task = flight()
    made.lies_apart()
    first = member()
    made.follow(first)
    heard: list[int] = []
    first.request.interim = lambda status, fields: heard.append(status)
    assert made.request.interim is not None
    made.request.interim(103, LINK)
    assert heard == [103]
    made.leave(first)
    assert task.cancelled == 1


def test_what_plugins_in_front_said_is_remembered_as_it_was() -> None:
    request = make_request()
    request.attributes = {"a": 1}
    made = Flight(request, begun=0)
    request.attributes["b"] = 2
    assert made.attributes == {"a": 1}


def test_a_wait_in_vain_may_have_nothing_to_say() -> None:
    request = make_request()
    Turned(ApartReason.LATE).say(request)
    assert request.served_by == ""

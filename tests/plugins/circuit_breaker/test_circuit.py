import pytest

from plugins.circuit_breaker.circuit import Change, Circuit, Listener, State
from plugins.circuit_breaker.reasons import Cause


class Recorder(Listener):
    def __init__(self) -> None:
        self.heard: list[tuple[str, State, Change]] = []

    def changed(self, circuit: Circuit, before: State) -> None:
        self.heard.append((circuit.title, before, circuit.change))


@pytest.mark.parametrize("state", list(State))
def test_pybreaker_keeps_the_state(state: State) -> None:
    circuit = Circuit("server:app/http://a")
    assert circuit.current_state == State.CLOSED.value
    circuit.move(Change(state, Cause.TIME, 1.0))
    assert circuit.current_state == state.value
    assert circuit.state.name == state.value


def test_listeners_hear_of_a_change_in_the_call_that_makes_it_and_what_was_before() -> None:
    circuit, recorder = Circuit("route:shop"), Recorder()
    circuit.add_listener(recorder)
    opened = Change(State.OPEN, Cause.FAILURE_RATE, 1.0, 6.0, 1, "12 of 20 exchanges failed")
    half = Change(State.HALF_OPEN, Cause.TIME, 6.0)
    circuit.move(opened)
    circuit.move(half)
    assert recorder.heard == [("route:shop", State.CLOSED, opened), ("route:shop", State.OPEN, half)]

from plugins.websocket_batch.adaptive import SAMPLE, Adaptive


def steady(machine: Adaptive, rate: float, seconds: float, begin: float = 100.0) -> float:
    now, step = begin, 1.0 / rate
    while now < begin + seconds:
        machine.arrived(1, now)
        now += step
    return now


def test_nothing_is_waited_for_when_nothing_would_come() -> None:
    machine = Adaptive(2, 50, 0.1)
    assert machine.is_quiet
    steady(machine, 10.0, 5.0)
    assert machine.is_quiet
    assert machine.target == 2


def test_the_target_is_what_usually_arrives_within_the_wait() -> None:
    machine = Adaptive(2, 50, 0.1)
    steady(machine, 200.0, 5.0)
    assert not machine.is_quiet
    assert 190 < machine.rate < 210
    assert 15 <= machine.target <= 25


def test_the_target_has_bounds() -> None:
    machine = Adaptive(2, 50, 0.1)
    steady(machine, 5000.0, 3.0)
    assert machine.target == 50


def test_small_changes_do_not_move_it() -> None:
    machine = Adaptive(2, 50, 0.1)
    now = steady(machine, 200.0, 5.0)
    before = machine.target
    steady(machine, before * 11.0, 5.0, now)
    assert machine.target == before
    steady(machine, 400.0, 5.0, now + 5.0)
    assert machine.target > before * 1.5


def test_a_pause_is_forgotten_at_once_and_not_look_by_look() -> None:
    machine = Adaptive(2, 50, 0.1)
    now = steady(machine, 200.0, 5.0)
    machine.arrived(1, now + 60.0)
    assert machine.is_quiet


def test_when_sending_falls_behind_batches_grow_by_half() -> None:
    machine = Adaptive(2, 50, 0.1)
    now = steady(machine, 200.0, 5.0)
    before = machine.target
    machine.press()
    machine.arrived(20, now + SAMPLE)
    assert machine.target == min(50, before + before // 2)

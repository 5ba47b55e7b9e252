from gateway.supervisor.vitals import Vitals


def looked_until(vitals: Vitals, last: float) -> Vitals:
    for second in range(1, int(last) + 1):
        vitals.look(float(second))
    return vitals


def test_a_worker_that_is_silent_for_longer_than_the_limit_is_blocked() -> None:
    vitals = looked_until(Vitals(limit=10, interval=1, now=0), 30)
    assert not vitals.is_blocked(heartbeat=20, now=30)
    assert vitals.is_blocked(heartbeat=19.9, now=30)


def test_a_worker_without_any_heartbeat_has_the_whole_limit() -> None:
    vitals = Vitals(limit=10, interval=1, now=100)
    assert not vitals.is_blocked(heartbeat=0, now=105)


def test_after_the_whole_machine_stood_still_nobody_is_blamed_at_once() -> None:
    vitals = looked_until(Vitals(limit=10, interval=1, now=0), 30)
    vitals.look(600)
    assert not vitals.is_blocked(heartbeat=30, now=600)
    for second in range(601, 612):
        vitals.look(second)
    assert vitals.is_blocked(heartbeat=30, now=611)

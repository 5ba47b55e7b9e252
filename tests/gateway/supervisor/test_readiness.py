import pytest

from gateway.supervisor.readiness import Phase, readiness


def test_it_is_ready_with_one_worker_of_many() -> None:
    assert readiness(Phase.RUNNING, ready_workers=1, wanted_workers=4).is_ready


@pytest.mark.parametrize(
    ("phase", "workers", "reasons"),
    [
        (Phase.STARTING, 2, ("the gateway is starting",)),
        (Phase.DRAINING, 2, ("the gateway is draining and will stop",)),
        (Phase.RUNNING, 0, ("none of 2 workers is ready",)),
        (Phase.STARTING, 0, ("the gateway is starting", "none of 2 workers is ready")),
    ],
)
def test_it_is_not_ready_and_says_every_reason(phase: Phase, workers: int, reasons: tuple[str, ...]) -> None:
    found = readiness(phase, workers, wanted_workers=2)
    assert not found.is_ready
    assert found.reasons == reasons


def test_what_is_to_be_done_first_is_a_reason_too() -> None:
    found = readiness(Phase.RUNNING, ready_workers=1, wanted_workers=1, waits_for=("warming: 3 of 10 URLs",))
    assert (found.is_ready, found.reasons) == (False, ("warming: 3 of 10 URLs",))

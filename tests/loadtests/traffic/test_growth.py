"""Does a worker grow?"""

import pytest

from loadtests.traffic.growth import Growth, Reading, faults_of, growth, slope


def readings(*, mib_per_minute: float = 0.0, descriptors: list[int] | None = None, pid: int = 7) -> list[Reading]:
    counts = descriptors or [100] * 40
    return [
        Reading(second * 15.0, pid, int((50 + mib_per_minute * second / 4) * 1024), count)
        for second, count in enumerate(counts)
    ]


def judged(found: list[Growth]) -> list[str]:
    return [fault for worker in found for fault in faults_of(worker, most_mib_per_minute=1.0, spare_descriptors=32.0)]


def test_a_line_has_its_slope_and_noise_around_it_does_not_matter() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 1), (1, 9), (2, 1), (3, 9), (4, 1)]) == pytest.approx(0)


@pytest.mark.parametrize("points", [[], [(1.0, 5.0)], [(1.0, 5.0), (1.0, 9.0)]])
def test_no_line_is_flat(points: list[tuple[float, float]]) -> None:
    assert slope(points) == 0


def test_a_worker_that_grows_too_fast_fails() -> None:
    assert judged(growth(readings(mib_per_minute=1.5), 0)) == ["worker 7: memory grows by 1.50 MiB a minute"]
    assert judged(growth(readings(mib_per_minute=0.5), 0)) == []


def test_descriptors_that_grow_fail_and_those_that_swing_do_not() -> None:
    assert judged(growth(readings(descriptors=list(range(100, 300, 5))), 0)) == [
        "worker 7: file descriptors grow from 122 to 272"
    ]
    assert judged(growth(readings(descriptors=[100, 160] * 20), 0)) == []


def test_warm_up_is_not_judged() -> None:
    cold = [Reading(float(second), 7, second * 10_240, 10) for second in range(10)]
    warm = [Reading(float(second), 7, 102_400, 10) for second in range(10, 40)]
    assert judged(growth(cold + warm, 10)) == []
    assert judged(growth(cold + warm, 0)) != []


def test_each_worker_is_judged_by_itself() -> None:
    found = growth([*readings(pid=1), *readings(pid=2, mib_per_minute=3)], 0)
    assert [worker.pid for worker in found] == [1, 2]
    assert judged(found) == ["worker 2: memory grows by 3.00 MiB a minute"]

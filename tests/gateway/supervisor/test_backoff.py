from gateway.supervisor.backoff import MAX_DELAY_SECONDS, YOUNG_SECONDS, Backoff


def test_a_worker_that_lived_is_replaced_at_once() -> None:
    assert Backoff().after(YOUNG_SECONDS) == 0


def test_workers_that_die_young_wait_twice_as_long_each_time_up_to_a_bound() -> None:
    backoff = Backoff()
    delays = [backoff.after(0.0) for _ in range(9)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, MAX_DELAY_SECONDS, MAX_DELAY_SECONDS, MAX_DELAY_SECONDS]
    assert backoff.deaths_in_a_row == 9


def test_one_life_of_some_length_forgets_the_young_deaths_before() -> None:
    backoff = Backoff()
    backoff.after(0.0)
    backoff.after(0.0)
    assert backoff.after(60.0) == 0
    assert backoff.after(0.0) == 0.1


def test_deaths_without_end_do_not_overflow() -> None:
    backoff = Backoff()
    backoff.deaths_in_a_row = 100_000
    assert backoff.after(0.0) == MAX_DELAY_SECONDS

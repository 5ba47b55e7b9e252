from gateway.tiers.hindrance import AGAIN_SECONDS, QUIET_SECONDS, Hindrance


def test_what_works_is_not_worth_a_word() -> None:
    assert not Hindrance().worked(100.0)


def test_a_failure_is_said_once_and_again_after_a_while() -> None:
    hindrance = Hindrance()
    assert [hindrance.failed(100.0 + second) for second in (0, 1, 2, AGAIN_SECONDS - 1)] == [True, False, False, False]
    assert hindrance.failed(100.0 + AGAIN_SECONDS)


def test_it_is_over_when_nothing_failed_for_a_while() -> None:
    hindrance = Hindrance()
    hindrance.failed(100.0)
    assert not hindrance.worked(101.0)
    hindrance.failed(105.0)
    assert not hindrance.worked(100.0 + QUIET_SECONDS)
    assert hindrance.worked(105.0 + QUIET_SECONDS)
    assert not hindrance.worked(106.0 + QUIET_SECONDS)
    assert hindrance.failed(200.0)

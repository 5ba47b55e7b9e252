from plugins.batch.merge.rest import IN_A_ROW, Rest


def test_failures_in_a_row_begin_a_rest() -> None:
    rest = Rest(5.0)
    for _ in range(IN_A_ROW - 1):
        rest.settle(False, 10.0)
    assert rest.is_over(10.0)
    rest.settle(False, 10.0)
    assert not rest.is_over(14.9)
    assert rest.is_over(15.0)


def test_the_first_failure_after_a_rest_begins_the_next_one() -> None:
    rest = Rest(5.0)
    for _ in range(IN_A_ROW):
        rest.settle(False, 0.0)
    rest.settle(False, 6.0)
    assert not rest.is_over(10.9)


def test_a_success_wipes_the_slate() -> None:
    rest = Rest(5.0)
    for ok in (False, False, True, False, False):
        rest.settle(ok, 0.0)
    assert rest.is_over(0.0)

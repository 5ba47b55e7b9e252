from gateway.websocket.limits import MOST_DROPPED_PINGS, PINGS_AT_ONCE, Bucket, PingLimit


def test_a_bucket_gives_what_it_has_and_fills_with_time() -> None:
    bucket = Bucket(rate=10.0, most=20.0)
    assert bucket.take(20, 100.0)
    assert not bucket.take(1, 100.0)
    assert bucket.take(5, 100.5)
    assert not bucket.take(1, 100.5)
    assert bucket.take(20, 200.0)
    assert not bucket.take(21, 300.0)


def test_what_cannot_be_given_is_not_taken() -> None:
    bucket = Bucket(rate=1.0, most=10.0)
    assert not bucket.take(11, 5.0)
    assert bucket.take(10, 5.0)


def test_ten_pings_at_once_pass_and_a_storm_is_too_much() -> None:
    limit = PingLimit()
    admitted = sum(limit.admit(100.0 + at / 1000) for at in range(int(PINGS_AT_ONCE)))
    assert admitted == PINGS_AT_ONCE
    for at in range(MOST_DROPPED_PINGS + 50):
        assert limit.is_exceeded == (at > MOST_DROPPED_PINGS)
        if limit.is_exceeded:
            break
        limit.admit(100.02)
    assert limit.is_exceeded


def test_a_quiet_second_is_a_new_beginning() -> None:
    limit = PingLimit()
    for at in range(30):
        limit.admit(100.0 + at / 10_000)
    for at in range(100):
        limit.admit(103.0 + 2 * at)
    assert not limit.is_exceeded

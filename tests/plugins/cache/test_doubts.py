from plugins.cache.doubts import Doubts


def test_what_is_younger_than_the_connection_is_good() -> None:
    doubts = Doubts(100.0)
    assert doubts.is_doubtful(b"k", 99.0)
    assert not doubts.is_doubtful(b"k", 101.0)


def test_what_was_looked_at_is_good_until_somebody_changes_it() -> None:
    doubts = Doubts(100.0)
    doubts.checked(b"k", 101.0)
    assert not doubts.is_doubtful(b"k", 99.0)
    doubts.changed(b"k", 102.0)
    assert doubts.is_doubtful(b"k", 200.0)
    doubts.checked(b"k", 103.0)
    assert not doubts.is_doubtful(b"k", 99.0)


def test_after_a_lost_connection_everything_from_before_is_doubtful() -> None:
    doubts = Doubts(100.0)
    doubts.checked(b"k", 101.0)
    doubts.everything(200.0)
    assert doubts.is_doubtful(b"k", 150.0)
    assert not doubts.is_doubtful(b"k", 201.0)


def test_a_doubtful_key_that_has_to_be_forgotten_makes_all_doubtful() -> None:
    doubts = Doubts(100.0, most=2)
    doubts.checked(b"a", 101.0)
    doubts.changed(b"b", 102.0)
    doubts.checked(b"c", 103.0)
    assert not doubts.is_doubtful(b"new", 104.0)
    doubts.checked(b"d", 110.0)
    assert doubts.is_doubtful(b"new", 104.0)
    assert not doubts.is_doubtful(b"new", 111.0)

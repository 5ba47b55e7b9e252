from plugins.coalesce.writes import Writes


def test_an_exchange_from_before_a_change_is_not_for_who_made_it() -> None:
    writes = Writes()
    begun = writes.count
    writes.note(b"alice")
    assert writes.since(b"alice", begun)
    assert not writes.since(b"bob", begun)
    assert not writes.since(b"alice", writes.count)


def test_a_later_change_of_somebody_else_does_not_matter() -> None:
    writes = Writes()
    writes.note(b"alice")
    begun = writes.count
    writes.note(b"bob")
    assert not writes.since(b"alice", begun)


def test_who_is_forgotten_may_have_changed_something() -> None:
    writes = Writes(most=2)
    begun = writes.count
    for who in (b"alice", b"bob", b"carol"):
        writes.note(who)
    assert writes.since(b"alice", begun)
    assert writes.since(b"anybody", begun), "nobody knows any more"
    assert not writes.since(b"anybody", begun + 1)


def test_who_changes_again_is_the_last_to_be_forgotten() -> None:
    writes = Writes(most=2)
    writes.note(b"alice")
    writes.note(b"bob")
    writes.note(b"alice")
    begun = writes.count
    writes.note(b"carol")
    assert not writes.since(b"alice", begun)


def test_when_nothing_is_under_way_all_may_be_forgotten() -> None:
    writes = Writes()
    writes.note(b"alice")
    writes.clear()
    assert not writes.since(b"alice", writes.count)

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.cache import s3fifo
from plugins.cache.s3fifo import Ghost, Queue, Queued, S3Fifo

GHOST = 512  # octets of the smallest ghost


class Entry(Queued):
    """An entry with a name; equal names are the same thing to the ghost."""

    def __init__(self, name: str, size: int = 1000, uses: int = 0) -> None:
        super().__init__(size=size, uses=uses)
        self.name = name


def queues(room: int = 10_000) -> S3Fifo[Entry]:
    """Queues with so much room for entries."""
    return S3Fifo(room + GHOST, lambda entry: hash(entry.name))


def names(entries: Iterable[Entry]) -> str:
    return "".join(entry.name for entry in entries)


def filled(letters: str, room: int = 10_000) -> tuple[S3Fifo[Entry], dict[str, Entry]]:
    fifo = queues(room)
    entries = {letter: Entry(letter) for letter in letters}
    for entry in entries.values():
        assert fifo.add(entry) == []
    return fifo, entries


def test_what_was_not_used_leaves_in_the_order_it_came() -> None:
    fifo, _ = filled("abcdefghij")
    assert names(fifo.add(Entry("k"))) == "a"
    assert names(fifo.add(Entry("l", size=2500))) == "bcd"
    assert names(fifo) == "efghijkl"


def test_what_was_used_twice_while_it_was_new_stays_and_once_is_not_enough() -> None:
    fifo, entries = filled("abcdefghij")
    entries["a"].uses += 2
    entries["b"].uses += 1
    assert names(fifo.add(Entry("k"))) == "b"
    assert names(fifo) == "cdefghijka"  # a is in main, behind all that is new


def test_a_scan_passes_through_without_pushing_out_what_is_used() -> None:
    fifo, entries = filled("abcdefgh")
    for entry in entries.values():
        entry.uses += 2
    for number in range(1000):
        fifo.add(Entry(f"scan {number}"))
        for entry in entries.values():
            entry.uses += 1
    assert {entry.name for entry in fifo} >= set("abcdefgh")


def test_what_comes_back_soon_goes_to_main_at_once() -> None:
    fifo, _ = filled("abcdefghij")
    (gone,) = fifo.add(Entry("k"))
    back = Entry(gone.name)
    fifo.add(back)
    stranger = Entry("l")
    fifo.add(stranger)
    assert back.place is not stranger.place
    assert names(fifo).endswith("a")


def in_main(letters: str) -> tuple[S3Fifo[Entry], dict[str, Entry]]:
    """Queues with those in main, all uses spent, and no room for one more."""
    fifo, entries = filled(letters, room=1000 * len(letters))
    for entry in entries.values():
        entry.uses += 2
    fifo.add(Entry("-"))  # all move to main, and the first of them leaves
    fifo.remove(next(entry for entry in fifo if entry.name == "-"))
    fifo.add(entries[letters[0]])
    return fifo, entries


def test_main_gives_one_more_round_for_each_use_and_no_more_than_three() -> None:
    fifo, entries = in_main("abcdefghij")
    for letter, uses in {"b": 9, "c": 2, "d": 1, "e": 3}.items():
        entries[letter].uses += uses
    assert names(fifo.lower(0, most=10)) == "fghijdcbea"  # a is new again and fits into small


def test_more_than_three_uses_count_as_three() -> None:
    _, entries = filled("a")
    entries["a"].uses += 7
    assert entries["a"].freq == 3


def test_uses_spent_on_a_move_count_no_more() -> None:
    fifo, entries = filled("abcdefghij")
    entries["a"].uses += 2
    fifo.add(Entry("k"))
    assert entries["a"].freq == 0
    entries["a"].uses += 1
    assert entries["a"].freq == 1


def test_search_for_something_to_evict_ends_although_everything_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3fifo, "PATIENCE", 3)
    fifo, entries = filled("abcdefghij")
    for entry in entries.values():
        entry.uses += 1_000_000
    assert names(fifo.add(Entry("k"))) == "d"


def test_a_replacement_takes_over_uses_and_place() -> None:
    fifo, entries = filled("abcdefghij")
    entries["a"].uses += 5
    fifo.add(Entry("k"))
    new = Entry("a", size=500)
    place = entries["a"].place
    assert fifo.replace(entries["a"], new) == []
    assert (new.uses, new.freq, new.place) == (5, 0, place)
    assert entries["a"].place is None


def test_a_larger_replacement_makes_room_for_itself() -> None:
    fifo, entries = filled("abcdefghij")
    new = Entry("a", size=2500)
    assert names(fifo.replace(entries["a"], new)) == "bc"
    assert new in set(fifo)


def test_what_grows_pushes_others_out_and_what_shrinks_none() -> None:
    fifo, entries = filled("abcdefghij")
    used = fifo.used
    assert fifo.grow(entries["j"], -500) == []
    assert fifo.used == used - 500
    assert names(fifo.grow(entries["j"], 1500)) == "a"
    assert entries["j"].size == 2000


def test_what_is_reserved_is_not_there_for_entries() -> None:
    fifo, _ = filled("abcdefghij")
    assert names(fifo.reserve(2500)) == "abc"
    assert fifo.capacity == 7500
    assert fifo.used <= fifo.limit


def test_a_removed_entry_can_come_again_and_removing_it_twice_changes_nothing() -> None:
    fifo, entries = filled("abc")
    fifo.remove(entries["b"])
    used = fifo.used
    fifo.remove(entries["b"])
    assert fifo.used == used
    fifo.add(entries["b"])
    assert names(fifo) == "acb"


def test_an_entry_that_has_left_keeps_no_other_alive() -> None:
    fifo, entries = filled("abc")
    fifo.remove(entries["b"])
    assert not hasattr(entries["b"], "before")
    assert not hasattr(entries["b"], "after")


def test_the_limit_is_lowered_step_by_step_and_never_below_what_is_there() -> None:
    fifo, _ = filled("abcdefghij")
    target = 3000 + GHOST
    assert names(fifo.lower(target, most=4)) == "abcd"
    assert fifo.limit == fifo.used == 6000 + GHOST
    assert names(fifo.lower(target, most=4)) == "efg"
    assert fifo.limit == target
    assert fifo.lower(target, most=4) == []


def test_a_higher_limit_costs_nothing() -> None:
    fifo, _ = filled("abcdefghij")
    fifo.raise_to(fifo.limit + 1000)
    assert fifo.add(Entry("k")) == []


def test_a_queue_gives_its_entries_in_order_and_lets_go_anywhere() -> None:
    queue: Queue[Entry] = Queue()
    entries = [Entry(letter, size=size) for size, letter in enumerate("abcd")]
    for entry in entries:
        queue.push(entry)
    queue.pull(entries[1])
    queue.pull(entries[3])
    assert names(queue) == "ac"
    assert (queue.length, queue.octets, queue.oldest.name) == (2, 2, "a")


def test_the_ghost_remembers_the_latest_marks_only() -> None:
    ghost = Ghost()
    ghost.fit(1000)
    marks = [hash(("mark", number)) for number in range(5)]
    for mark in marks:
        ghost.add(mark)
    assert [ghost.recalls(mark, 2) for mark in marks] == [False, False, False, True, True]
    assert not ghost.recalls(hash("stranger"), 5)


def test_an_empty_ghost_recalls_nothing_not_even_the_mark_nought() -> None:
    assert not Ghost().recalls(0, 10)


@pytest.mark.parametrize("wanted", [0, 1, 33, 1000, 100_000])
def test_the_ghost_grows_and_shrinks_with_what_is_wanted_of_it(wanted: int) -> None:
    ghost = Ghost()
    ghost.fit(5000)
    ghost.fit(wanted)
    assert 16 * wanted <= ghost.octets <= max(64 * wanted, GHOST)


def test_a_ghost_of_fitting_size_keeps_its_marks() -> None:
    ghost = Ghost()
    ghost.fit(1000)
    ghost.add(77 << 32)
    ghost.fit(1000)
    ghost.fit(800)
    assert ghost.recalls(77 << 32, 1)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 60), st.integers(0, 3)), max_size=200),
    st.integers(60, 300),
)
def test_the_limit_holds_and_every_entry_is_either_in_or_was_handed_back(
    steps: list[tuple[int, int, int]], room: int
) -> None:
    fifo = queues(room)
    present: dict[int, Entry] = {}
    for name, size, uses in steps:
        entry = Entry(str(name), size=size)
        old = present.get(name)
        leaving = fifo.add(entry) if old is None else fifo.replace(old, entry)
        present[name] = entry
        for gone in leaving:
            assert gone.place is None
            del present[int(gone.name)]
        entry.uses += uses
        assert set(fifo) == set(present.values())
        assert len(fifo) == len(present)
        assert fifo.used == sum(entry.size for entry in present.values()) + GHOST <= fifo.limit

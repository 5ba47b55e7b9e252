import os
from pathlib import Path

from gateway.tiers.eviction import PLACE, USES, evict, worth
from gateway.tiers.host_file import HostFile

NOW = 1_000_000.0


def test_what_is_over_is_worth_nothing() -> None:
    assert worth(USES.pack(NOW, NOW, 1000), NOW) == 0


def test_later_use_and_more_uses_are_worth_more() -> None:
    old, new = USES.pack(NOW - 5000, NOW + 1, 1), USES.pack(NOW, NOW + 1, 1)
    often = USES.pack(NOW - 5000, NOW + 1, 10_000)
    assert worth(old, NOW) < worth(new, NOW) < worth(often, NOW)


def filled(folder: Path, count: int) -> tuple[HostFile, list[bytes]]:
    file = HostFile(folder, 2**24)
    places = [os.urandom(PLACE) for _ in range(count)]
    with file.env.begin(write=True) as txn:
        for number, place in enumerate(places):
            txn.put(place, b"x" * 10_000, db=file.records)
            txn.put(place, USES.pack(NOW - count + number, NOW + 3600, 0), db=file.uses)
    return file, places


def test_room_is_made_and_the_newest_mostly_stay(tmp_path: Path) -> None:
    file, places = filled(tmp_path, 400)
    with file.env.begin(write=True) as txn:
        before = file.used(txn)
        gone = evict(file, txn, before // 2, NOW)
        assert file.used(txn) <= before // 2
        left = [txn.get(place, db=file.records) is not None for place in places]
        assert txn.stat(file.records)["entries"] == txn.stat(file.uses)["entries"] == 400 - gone
    assert 150 <= gone <= 250
    assert sum(left[200:]) > 2 * sum(left[:200])
    file.close()


def test_where_there_is_nothing_to_evict_it_ends(tmp_path: Path) -> None:
    file = HostFile(tmp_path, 2**22)
    with file.env.begin(write=True) as txn:
        assert evict(file, txn, -1, NOW) == 0
    file.close()


def test_even_the_last_one_can_leave(tmp_path: Path) -> None:
    file, _ = filled(tmp_path, 1)
    with file.env.begin(write=True) as txn:
        assert evict(file, txn, 0, NOW) == 1
    file.close()

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.tiers import host_purges
from gateway.tiers.frame import digests
from gateway.tiers.host_file import HostFile
from gateway.tiers.host_purges import hit, note, read_prefixes
from gateway.tiers.seal import Seal
from gateway.tiers.tier import PurgeOrder

NAME = b"http://shop.example/a"
LABELS = digests((b"a", b"b"))


class Log:
    """The purges of one file."""

    def __init__(self, folder: Path, seal: Seal | None = None) -> None:
        self.file = HostFile(folder, 2**24)
        self.seal = seal

    def note(self, **order: Any) -> int:
        with self.file.env.begin(write=True) as txn:
            return note(self.file, txn, PurgeOrder(**order), self.seal, b"")

    def hit(self, mark: int, labels: bytes = LABELS) -> bool | None:
        with self.file.env.begin() as txn:
            return hit(self.file, txn, labels, mark, NAME, read_prefixes(self.file, txn, self.seal))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.file.close()


def test_a_purge_means_what_was_asked_for_before_it(log: Log) -> None:
    number = log.note(labels=(b"b",))
    assert log.hit(number - 1) is True
    assert log.hit(number) is None
    assert log.hit(number - 1, digests((b"c",))) is None


def test_numbers_go_up(log: Log) -> None:
    assert log.note(labels=(b"a",)) < log.note(labels=(b"a",)) < log.note(prefixes=(b"x",))


def test_a_prefix_means_names_that_begin_with_it(log: Log) -> None:
    number = log.note(prefixes=(b"http://shop.example/",))
    assert log.hit(number - 1) is True
    assert log.hit(number) is None
    log.note(prefixes=(b"http://other/",))
    assert log.hit(number) is None


def test_a_soft_purge_does_not_weaken_a_hard_one_nor_the_other_way_round(log: Log) -> None:
    hard = log.note(labels=(b"a",))
    soft = log.note(labels=(b"a",), soft=True)
    assert (log.hit(hard - 1), log.hit(hard), log.hit(soft)) == (True, False, None)
    soft_prefix = log.note(prefixes=(b"http:",), soft=True)
    assert (log.hit(soft), log.hit(soft_prefix)) == (False, None)


def test_the_same_purge_a_thousand_times_takes_one_row(log: Log) -> None:
    for _ in range(1000):
        number = log.note(labels=(b"a",))
    with log.file.env.begin() as txn:
        assert txn.stat(log.file.purges)["entries"] == txn.stat(log.file.order)["entries"] == 1
    assert log.hit(number - 1) is True


@pytest.mark.parametrize(("limit", "kind"), [("MOST_ROWS", "labels"), ("MOST_PREFIXES", "prefixes")])
def test_what_is_older_than_the_purges_remembered_is_not_believed(
    log: Log, monkeypatch: pytest.MonkeyPatch, limit: str, kind: str
) -> None:
    monkeypatch.setattr(host_purges, limit, 3)
    first = log.note(**{kind: (b"first",)})
    for number in range(3):
        last = log.note(**{kind: (b"other %d" % number,)})
    assert log.hit(first - 1) is True
    assert log.hit(first) is None
    assert log.hit(last) is None
    with log.file.env.begin() as txn:
        assert txn.stat(log.file.order)["entries"] == 3


def test_prefixes_are_sealed_too(tmp_path: Path) -> None:
    log = Log(tmp_path, Seal(b"secret"))
    number = log.note(prefixes=(b"http://shop.example/",))
    assert log.hit(number - 1) is True
    with log.file.env.begin() as txn:
        assert all(b"shop" not in value for _, value in txn.cursor(log.file.prefixes))
    log.seal = Seal(b"another")
    with log.file.env.begin() as txn:
        assert read_prefixes(log.file, txn, log.seal)[0][0] == b""
    log.file.close()

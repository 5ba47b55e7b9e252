"""What has been put and is not in the file yet, and uses that the file learns of later."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.tiers import host as module
from gateway.tiers.eviction import USES
from gateway.tiers.host import HostTier
from gateway.tiers.tier import PurgeOrder
from tests.support.tiering import host_tier, record, until, written

A = b"http://a/"


@contextmanager
def nothing_written(tier: HostTier, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """While this lasts the thread is in the middle of a batch."""
    go = threading.Event()
    assert tier._writer is not None
    write = tier._writer._write

    def waits(*arguments: object) -> int:
        assert go.wait(30)
        return write(*arguments)  # type: ignore[arg-type]  # as they come

    with patch.context() as patched:
        patched.setattr(tier._writer, "_write", waits)
        try:
            yield
        finally:
            go.set()


async def test_what_was_put_is_found_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with host_tier(tmp_path) as tier:
        with nothing_written(tier, monkeypatch):
            tier.put(entry := record(A))
            tier.put(record(b"http://b/"))
            (found,) = tier.find(A)
            assert (found.record, found.when, found.until) == (b"head body", entry.when, entry.until)
            assert tier.find(A, [(b"", entry.when)]) == []
            tier.drop(A, b"")
            assert tier.find(A) == []
        await written(tier)
        assert tier.find(A) == []


async def test_of_what_waits_and_what_lies_there_the_newer_one_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host_tier(tmp_path) as tier:
        for variant in (b"", b"gzip"):
            tier.put(record(A, variant=variant))
        await written(tier)
        with nothing_written(tier, monkeypatch):
            for variant in (b"", b"gzip"):
                tier.put(record(A, variant=variant, body=b"new" + variant))
            assert sorted(each.record for each in tier.find(A)) == [b"head new", b"head newgzip"]
        await written(tier)
        assert sorted(each.record for each in tier.find(A)) == [b"head new", b"head newgzip"]


@pytest.mark.parametrize("soft", [True, False])
async def test_a_purge_means_what_waits_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, soft: bool) -> None:
    async with host_tier(tmp_path) as tier:
        tier.find(A)
        with nothing_written(tier, monkeypatch):
            tier.put(record(A, labels=(b"tag",), marks=(tier.mark,)))
            noted = tier.purge(PurgeOrder(labels=(b"tag",), soft=soft))
            assert [each.soft_purged for each in tier.find(A)] == [True] * soft
        await noted
        await written(tier)
        assert [each.soft_purged for each in tier.find(A)] == [True] * soft


async def test_what_waits_and_is_of_no_use_any_more_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host_tier(tmp_path) as tier:
        with nothing_written(tier, monkeypatch):
            tier.put(record(A, until=1.0))
            assert tier.find(A) == []


async def test_a_look_during_which_a_batch_ended_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it may see neither what waited, since that waits no more, nor what was written."""
    async with host_tier(tmp_path) as tier:
        tier.put(record(A))
        await written(tier)
        look, looks = tier._look, []

        def meanwhile(*arguments: object) -> object:
            looks.append(arguments)
            if len(looks) == 1:
                tier._waiting.done([], 0)
                return []
            return look(*arguments)  # type: ignore[arg-type]  # as they come

        monkeypatch.setattr(tier, "_look", meanwhile)
        assert len(tier.find(A)) == 1
        assert len(looks) == 2


def uses(tier: HostTier) -> list[int]:
    assert tier._file is not None
    with tier._file.env.begin() as txn:
        return [USES.unpack(row)[2] for _, row in txn.cursor(tier._file.uses)]


async def test_uses_are_written_together_now_and_then(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A))
        await written(tier)
        tier.find(A)
        await until(lambda: uses(tier) == [1])
        for _ in range(5):
            tier.find(A)
        tier.used(A, b"", 3)
        assert tier._waiting.uses == {}
        tier._uses_due = 0.0
        tier.find(A)
        await until(lambda: uses(tier) == [10])


async def test_of_many_records_the_uses_of_some_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_USES", 2)
    async with host_tier(tmp_path) as tier:
        for name in (b"1", b"2", b"3"):
            tier.put(record(name))
        await written(tier)
        tier._tell_uses(time.time())
        for name in (b"1", b"1", b"2", b"3", b"3"):
            tier.find(name)
        assert sorted(tier._uses.values()) == [1, 2]


async def test_closing_writes_the_uses_that_are_not_written_yet(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A))
        await written(tier)
        for _ in range(5):
            tier.find(A)
    async with host_tier(tmp_path) as tier:
        assert uses(tier) == [5]

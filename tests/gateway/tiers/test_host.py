"""One worker, two workers of a machine, and everything that may be wrong with the file."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import lmdb
import pytest

from gateway.figures.registry import Figures
from gateway.tiers.host_file import NAME
from gateway.tiers.tier import PurgeOrder, TierError
from tests.support.tiering import host_tier, record, until, written

A = b"http://a/"


async def test_what_was_written_is_found_also_after_a_restart(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        assert tier.find(A) == []
        assert tier.put(record(A))
        await written(tier)
        assert [found.record for found in tier.find(A)] == [b"head body"]
    async with host_tier(tmp_path) as tier:
        assert [found.record for found in tier.find(A)] == [b"head body"]


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        for number in range(100):
            tier.put(record(b"%d" % number))
    async with host_tier(tmp_path) as tier:
        assert all(tier.find(b"%d" % number) for number in range(100))


async def test_a_name_has_variants_each_on_its_own(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        for variant in (b"", b"gzip", b"br"):
            tier.put(record(A, variant=variant, body=variant))
        await written(tier)
        assert sorted(found.record for found in tier.find(A)) == [b"head ", b"head br", b"head gzip"]
        tier.drop(A, b"gzip")
        assert len(tier.find(A)) == 2
        await written(tier)
        assert len(tier.find(A)) == 2


async def test_what_is_known_already_is_not_read_again(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(entry := record(A))
        await written(tier)
        assert tier.find(A, [(b"", entry.when)]) == []
        assert len(tier.find(A, [(b"", entry.when - 1), (b"other", entry.when + 1)])) == 1


async def test_what_is_of_no_use_any_more_is_not_found(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A, until=time.time() - 1))
        await written(tier)
        assert tier.find(A) == []


async def test_a_purge_holds_from_the_first_moment_and_after_a_restart(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A, labels=(b"tag",), marks=(tier.mark,)))
        tier.put(record(b"http://b/", marks=(tier.mark,)))
        await written(tier)
        noted = tier.purge(PurgeOrder(labels=(b"tag",)))
        assert tier.find(A) == []
        await noted
        assert tier.find(A) == []
        tier.put(record(A, labels=(b"tag",), marks=(tier.mark,), body=b"new"))
    async with host_tier(tmp_path) as tier:
        assert [found.record for found in tier.find(A)] == [b"head new"]
        assert tier.find(b"http://b/")


async def test_what_was_asked_for_before_a_purge_and_stored_after_it_is_purged(tmp_path: Path) -> None:
    figures = Figures.in_memory()
    async with host_tier(tmp_path, figures) as tier:
        mark = tier.mark
        await tier.purge(PurgeOrder(prefixes=(b"http://",)))
        tier.put(record(A, marks=(mark,)))
        await written(tier)
        assert tier.find(A) == []
        assert figures.value("tier_purged_total", tier="host") == 1


async def test_a_soft_purge_is_told(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A, labels=(b"tag",), marks=(tier.mark,)))
        await written(tier)
        noted = tier.purge(PurgeOrder(labels=(b"tag",), soft=True))
        assert [found.soft_purged for found in tier.find(A)] == [True]
        await noted
        assert [found.soft_purged for found in tier.find(A)] == [True]


async def test_all_can_be_purged(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        for number in range(50):
            tier.put(record(b"%d" % number, marks=(tier.mark,)))
        await written(tier)
        await tier.purge(PurgeOrder(labels=(b"*",)))
        assert not any(tier.find(b"%d" % number) for number in range(50))


OTHER = """
import asyncio, sys
from pathlib import Path
from gateway.tiers.tier import PurgeOrder
from tests.support.tiering import host_tier, record, written

async def main():
    async with host_tier(Path(sys.argv[1])) as tier:
        assert tier.find(b"http://a/"), "not shared"
        tier.put(record(b"http://other/", marks=(tier.mark,)))
        await tier.purge(PurgeOrder(labels=(b"tag",)))

asyncio.run(main())
"""


async def test_processes_share_records_and_purges(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A, labels=(b"tag",), marks=(tier.mark,)))
        await written(tier)
        run = [sys.executable, "-c", OTHER, str(tmp_path)]
        await asyncio.to_thread(subprocess.run, run, check=True, timeout=60)
        assert tier.find(A) == []
        assert tier.find(b"http://other/")


async def test_a_record_that_cannot_be_read_is_a_miss_is_counted_and_removed(tmp_path: Path) -> None:
    figures = Figures.in_memory()
    async with host_tier(tmp_path, figures) as tier:
        tier.put(record(A))
        await written(tier)
        file = tier._file
        assert file is not None
        with file.env.begin(write=True) as txn:
            ((place, octets),) = list(txn.cursor(file.records))
            txn.put(place, octets[:-1] + b"X", db=file.records)
        assert tier.find(A) == []
        await written(tier)
        assert figures.value("tier_unreadable_total", tier="host") == 1
        with file.env.begin() as txn:
            assert txn.stat(file.records)["entries"] == 0


async def test_it_stays_within_its_size_and_keeps_what_is_new(tmp_path: Path) -> None:
    figures = Figures.in_memory()
    async with host_tier(tmp_path, figures, size="2MiB", queue="64MiB") as tier:
        for number in range(300):
            tier.put(record(b"%d" % number, body=os.urandom(20_000)))
            if number % 50 == 49:
                await written(tier)
        assert tier.find(b"299")
        assert figures.value("tier_evicted_total", tier="host") > 100
    assert (tmp_path / NAME).stat().st_size <= 2 * 2**20


async def test_too_large_a_record_is_not_kept_and_the_older_one_goes(tmp_path: Path) -> None:
    figures = Figures.in_memory()
    async with host_tier(tmp_path, figures, max_entry="10KiB") as tier:
        tier.put(record(A))
        await written(tier)
        assert not tier.put(record(A, body=bytes(20_000)))
        assert tier.find(A) == []
        assert figures.value("tier_dropped_total", tier="host", reason="too_large") == 1


async def test_what_finds_no_place_in_the_queue_is_dropped_and_the_older_one_goes(tmp_path: Path) -> None:
    figures = Figures.in_memory()
    async with host_tier(tmp_path, figures, queue="1KiB") as tier:
        tier.put(record(A))
        await written(tier)
        assert not tier.put(record(A, body=bytes(2000)))
        assert tier.find(A) == []
        assert figures.value("tier_dropped_total", tier="host", reason="queue") == 1


async def test_encrypted_nothing_can_be_read_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIER_SECRET", "s" * 40)
    async with host_tier(tmp_path, secret="TIER_SECRET") as tier:
        tier.put(record(A, body=b"a very secret body"))
    assert b"very secret" not in (tmp_path / NAME).read_bytes()
    async with host_tier(tmp_path, secret="TIER_SECRET") as tier:
        assert [found.record for found in tier.find(A)] == [b"head a very secret body"]
    monkeypatch.setenv("TIER_SECRET", "t" * 40)
    async with host_tier(tmp_path, secret="TIER_SECRET") as tier:
        assert tier.find(A) == []


@pytest.mark.parametrize("secret", [None, "short"])
async def test_without_its_secret_it_is_off_and_nothing_else_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.delenv("TIER_SECRET", raising=False)
    if secret is not None:
        monkeypatch.setenv("TIER_SECRET", secret)
    async with host_tier(tmp_path, secret="TIER_SECRET") as tier:
        assert not tier.put(record(A))
        tier.drop(A, b"")
        await tier.purge(PurgeOrder(labels=(b"tag",)))
        assert tier.find(A) == []
    assert not (tmp_path / NAME).exists()


async def test_a_folder_that_cannot_be_used_turns_it_off_until_it_can_be(tmp_path: Path) -> None:
    figures = Figures.in_memory()
    (tmp_path / "way").write_text("a file")
    async with host_tier(tmp_path / "way" / "tier", figures) as tier:
        assert tier.find(A) == []
        tier.put(record(A))
        assert figures.value("tier_workers", tier="host") == 0
        (tmp_path / "way").unlink()
        await until(lambda: tier.find(A))
        assert figures.value("tier_workers", tier="host") == 1


async def test_a_file_that_others_began_anew_is_followed(tmp_path: Path) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A))
        await written(tier)
        before = tier._file
        (tmp_path / NAME).unlink()
        (tmp_path / f"{NAME}-lock").unlink()
        await until(lambda: tier._file is not None and tier._file is not before)
        assert tier.find(A) == []
        tier.put(record(A))
        await written(tier)
        assert tier.find(A)


async def test_an_error_while_reading_is_a_miss_and_the_file_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = Figures.in_memory()
    async with host_tier(tmp_path, figures) as tier:
        tier.put(record(A))
        await written(tier)

        def fails(*arguments: object) -> None:
            raise lmdb.MapResizedError("grown")

        with monkeypatch.context() as patched:
            patched.setattr(tier, "_look", fails)
            assert tier.find(A) == []
        assert figures.value("tier_lookups_total", tier="host", outcome="error") == 1
        await until(lambda: tier.find(A))


async def test_a_purge_that_cannot_be_noted_says_so_and_holds_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host_tier(tmp_path) as tier:
        tier.put(record(A, labels=(b"tag",), marks=(tier.mark,)))
        await written(tier)
        assert tier._writer is not None

        def full(*arguments: object) -> int:
            raise lmdb.DiskError("no space left")

        with monkeypatch.context() as patched:
            patched.setattr(tier._writer, "_write", full)
            with pytest.raises(TierError, match="no space"):
                await tier.purge(PurgeOrder(labels=(b"tag",)))
            assert tier.find(A) == []
        await written(tier)
        assert tier.find(A) == []
        assert tier._pending.count == 0 or await _noted(tier)


async def _noted(tier: object) -> bool:
    await until(lambda: tier._pending.count == 0)  # type: ignore[attr-defined]  # looks behind the counter
    return True


async def test_records_that_cannot_be_written_are_given_up_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = Figures.in_memory()
    async with host_tier(tmp_path, figures) as tier:
        tier.put(record(A))
        await written(tier)

        def full(*arguments: object) -> int:
            raise lmdb.DiskError("no space left")

        with monkeypatch.context() as patched:
            patched.setattr(tier._writer, "_write", full)
            tier.put(record(A, body=b"newer"))
            await until(lambda: figures.value("tier_dropped_total", tier="host", reason="failed") == 1)
            assert tier.find(A) == []
        await written(tier)
        assert tier.find(A) == []

from gateway.tiers.redis_book import NoBook, PurgeBook
from gateway.tiers.tier import PurgeOrder


async def test_without_replicas_nothing_was_purged() -> None:
    book: PurgeBook = NoBook()
    assert book.is_current
    assert book.hit(b"labels", b"name", 0) is None
    await book.purge(PurgeOrder(labels=(b"a",)))
    assert book.mark == 0

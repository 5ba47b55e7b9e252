from plugins.cache.tags import TagIndex
from tests.support.stored_responses import stored_response


def test_a_response_is_found_by_each_of_its_tags() -> None:
    index = TagIndex()
    first, second = stored_response(tags=[b"a", b"b"]), stored_response(tags=[b"b"])
    index.add(first)
    index.add(second)
    assert index.carriers(b"a") == [first]
    assert set(index.carriers(b"b")) == {first, second}
    assert index.carriers(b"c") == []
    assert sorted(index.counts()) == [(b"a", 1), (b"b", 2)]


def test_an_index_that_has_forgotten_everything_takes_no_memory() -> None:
    index = TagIndex()
    responses = [stored_response(tags=[b"all", b"%d" % number]) for number in range(5)]
    for stored in responses:
        index.add(stored)
    assert index.octets > 0
    for stored in responses:
        index.discard(stored)
    assert index.octets == 0
    assert index.counts() == []


def test_a_long_tag_takes_more() -> None:
    short, long = TagIndex(), TagIndex()
    short.add(stored_response(tags=[b"a"]))
    long.add(stored_response(tags=[b"a" * 1000]))
    assert long.octets == short.octets + 999

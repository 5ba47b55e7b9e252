from loadtests.store.responses import fields_of, key_of, response
from plugins.cache.store import MemoryStore


def test_a_response_is_found_by_its_key_and_has_fields_of_its_own() -> None:
    store = MemoryStore(1_000_000)
    for number in range(3):
        store.put(response(number, b"content"))
    (found,) = store.get(key_of(1)) or ()
    assert found.fields.get(b"etag") == b'"1"'
    assert found.body == b"content"


def test_fields_are_read_as_an_upstream_s_are() -> None:
    fields = fields_of(7, 100)
    assert b"content-length" not in fields
    assert fields.get(b"link") == b"</style/7.css>; rel=preload"

import pytest

from gateway.http.validators import EntityTag
from plugins.cache.etags import entity_tag_for_clients
from tests.support.caching import policy_of, stored_from

FRESH = {"Cache-Control": "max-age=60"}


def test_an_answer_without_a_tag_gets_a_strong_one_of_its_content() -> None:
    one, same, other = (stored_from(FRESH, body) for body in (b"a", b"a", b"b"))
    tags = [entity_tag_for_clients(stored, policy_of()) for stored in (one, same, other)]
    assert tags[0] == tags[1] != tags[2]
    assert tags[0] is not None
    assert not tags[0].weak


def test_it_is_made_once_and_outlives_a_confirmation() -> None:
    stored = stored_from(FRESH)
    first = entity_tag_for_clients(stored, policy_of())
    stored.body = b"changed behind its back"
    assert entity_tag_for_clients(stored, policy_of()) is first
    assert stored.derived("etag") is first


def test_the_origin_never_sees_it() -> None:
    stored = stored_from(FRESH)
    entity_tag_for_clients(stored, policy_of())
    assert stored.etag is None
    assert b"etag" not in stored.fields


def test_the_origins_own_tag_is_the_tag() -> None:
    assert entity_tag_for_clients(stored_from({**FRESH, "ETag": 'W/"o"'}), policy_of()) == EntityTag(b"o", weak=True)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"Cache-Control": "max-age=60, no-transform"}, 200), ({**FRESH, "ETag": "unquoted"}, 200), (FRESH, 404)],
)
def test_what_must_not_be_touched_gets_none(fields: dict[str, str], status: int) -> None:
    assert entity_tag_for_clients(stored_from(fields, status=status), policy_of()) is None


def test_a_route_can_do_without() -> None:
    assert entity_tag_for_clients(stored_from(FRESH), policy_of(etag=False)) is None

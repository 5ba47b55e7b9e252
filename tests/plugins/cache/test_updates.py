from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Fields
from plugins.cache.updates import NEVER_STORED, storable, updated
from tests.support.plugins import fields_of, pairs


def test_fields_of_one_connection_one_proxy_and_one_way_are_not_stored() -> None:
    fields = fields_of(
        [
            ("Content-Type", "text/plain"),
            ("Age", "5"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Authenticate", "Basic"),
            ("Trailer", "X-Sum"),
            ("X-Private", "1"),
        ]
    )
    assert pairs(storable(fields, frozenset({b"x-private"}))) == [("Content-Type", "text/plain")]
    assert len(fields) == 6


def test_what_is_said_anew_replaces_every_line_in_the_place_of_the_first() -> None:
    stored = fields_of([("X-A", "1"), ("ETag", '"a"'), ("x-a", "2"), ("X-B", "1")])
    by = fields_of([("X-C", "new"), ("x-A", "3"), ("X-A", "4")])
    assert pairs(updated(stored, by)) == [
        ("x-A", "3"),
        ("X-A", "4"),
        ("ETag", '"a"'),
        ("X-B", "1"),
        ("X-C", "new"),
    ]


def test_what_is_said_about_absent_content_changes_nothing() -> None:
    stored = fields_of({"Content-Type": "text/plain"})
    by = fields_of({"Content-Range": "bytes 0-1/2", "Age": "7", "Keep-Alive": "x"})
    assert pairs(updated(stored, by)) == [("Content-Type", "text/plain")]


names = st.sampled_from([b"A", b"a", b"B", b"C", b"Age", b"Content-Range"])
some_fields = st.lists(st.tuples(names, st.sampled_from([b"1", b"2"])), max_size=6).map(Fields)


@given(some_fields, some_fields)
def test_after_an_update_each_field_says_what_was_said_last(stored: Fields, by: Fields) -> None:
    now = updated(stored, by)
    for name in (b"a", b"b", b"c"):
        assert now.values(name) == (by.values(name) or stored.values(name))
    for name in (b"age", b"content-range"):
        assert now.values(name) == stored.values(name)
    assert NEVER_STORED.isdisjoint(entry[0] for entry in storable(now).entries)

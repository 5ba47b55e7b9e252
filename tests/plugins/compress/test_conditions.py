import pytest

from gateway.http.validators import EntityTag
from plugins.compress.conditions import has_conditions, send_inward, tag_of_304
from plugins.compress.forms import Form
from tests.support.plugins import fields_of

CODED = (Form.BR, Form.GZIP)


@pytest.mark.parametrize("name", ["If-None-Match", "If-Match", "If-Range"])
def test_fields_with_tags_are_conditions(name: str) -> None:
    assert has_conditions(fields_of({name: '"a"'}))
    assert not has_conditions(fields_of({"If-Modified-Since": "x"}))


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ('"a-br"', '"a"'),
        ('"a-gzip", "b-br"', '"a", "b"'),
        ('"a-br", "a-gzip", "a"', '"a"'),
        ('W/"a-br"', 'W/"a"'),
        ('"a"', '"a"'),
        ('"a","b"', '"a", "b"'),
        ('"a-id"', '"a"'),
        ('"a-br-as"', '"a-br"'),
        ('"a-zstd", "b"', '"b"'),
        ("*", "*"),
        ("nonsense", "nonsense"),
    ],
)
def test_tags_of_forms_that_a_client_can_use_are_asked_about(came: str, goes: str) -> None:
    fields = fields_of({"If-None-Match": came})
    send_inward("GET", fields, CODED)
    assert fields.get(b"if-none-match") == goes.encode()


def test_where_none_would_do_nothing_is_asked_not_even_by_date() -> None:
    fields = fields_of({"If-None-Match": '"a-zstd"', "If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"})
    send_inward("GET", fields, CODED)
    assert len(fields) == 0


def test_a_change_is_made_to_whatever_form_its_author_saw() -> None:
    fields = fields_of({"If-Match": '"a-zstd", "b"', "If-None-Match": '"c-zstd"'})
    send_inward("PUT", fields, ())
    assert (fields.get(b"if-match"), fields.get(b"if-none-match")) == (b'"a", "b"', b'"c"')


@pytest.mark.parametrize("value", ["*", "nonsense", ""])
def test_an_if_match_without_tags_stays(value: str) -> None:
    fields = fields_of({"If-Match": value})
    send_inward("PUT", fields, CODED)
    assert fields.get(b"if-match") == value.encode()


def test_the_rest_of_coded_content_is_the_whole() -> None:
    for tag in ('"a-br"', '"a-id"'):
        fields = fields_of({"Range": "bytes=5-", "If-Range": tag})
        send_inward("GET", fields, CODED)
        assert len(fields) == 0


@pytest.mark.parametrize(
    ("came", "goes"),
    [('"a"', '"a"'), ('"a-br-as"', '"a-br"'), ('W/"a"', 'W/"a"'), ("Mon, 01 Jan 2024 00:00:00 GMT",) * 2],
)
def test_the_rest_of_content_as_it_is_can_be_had(came: str, goes: str) -> None:
    fields = fields_of({"Range": "bytes=5-", "If-Range": came})
    send_inward("GET", fields, CODED)
    assert (fields.get(b"range"), fields.get(b"if-range")) == (b"bytes=5-", goes.encode())


A = EntityTag(b"a")


@pytest.mark.parametrize(
    ("asked", "certain", "tag", "form"),
    [
        ('"a-br"', None, '"a-br"', Form.BR),
        ('"a-gzip"', None, '"a-gzip"', Form.GZIP),
        ('"a", "a-gzip", "a-br"', None, '"a-br"', Form.BR),
        ('"a", "b-br"', None, '"a"', Form.AS_IS),
        ('"a-id"', None, '"a-id"', Form.PLAIN),
        ('"a-zstd", "a"', None, '"a"', Form.AS_IS),
        ('W/"a-br"', None, '"a-br"', Form.BR),
        ("*", None, 'W/"a"', None),
        ("*", Form.AS_IS, '"a"', Form.AS_IS),
        (None, None, 'W/"a"', None),
        (None, Form.AS_IS, '"a"', Form.AS_IS),
        ('"b"', None, 'W/"a"', None),
    ],
)
def test_a_304_has_the_tag_that_the_client_knows(
    asked: str | None, certain: Form | None, tag: str, form: Form | None
) -> None:
    fields = fields_of({"If-None-Match": asked} if asked is not None else {})
    found, about = tag_of_304(fields, A, CODED, certain)
    assert (found.encode().decode(), about) == (tag, form)


def test_a_weak_tag_is_everybodys() -> None:
    weak = EntityTag(b"a", weak=True)
    assert tag_of_304(fields_of({"If-None-Match": 'W/"a"'}), weak, CODED, None) == (weak, None)
    ours = EntityTag(b"a-br", weak=True)
    assert tag_of_304(fields_of({}), ours, CODED, None)[0] == EntityTag(b"a-br-as", weak=True)

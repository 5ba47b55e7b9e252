import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.validators import EntityTag
from plugins.compress.forms import FORM_OF, Form, mark, unmark
from plugins.compress.settings import Coding

opaques = st.one_of(
    st.binary(max_size=12).map(lambda octets: bytes(octet for octet in octets if octet > 0x22 and octet != 0x7F)),
    st.lists(st.sampled_from([b"abc", b"-br", b"-gzip", b"-zstd", b"-id", b"-as", b"-"]), max_size=4).map(b"".join),
)


@pytest.mark.parametrize(
    ("form", "marked"),
    [
        (Form.AS_IS, b'"abc"'),
        (Form.ZSTD, b'"abc-zstd"'),
        (Form.BR, b'"abc-br"'),
        (Form.GZIP, b'"abc-gzip"'),
        (Form.PLAIN, b'"abc-id"'),
    ],
)
def test_a_strong_tag_is_another_one_in_every_form(form: Form, marked: bytes) -> None:
    assert mark(EntityTag(b"abc"), form).encode() == marked
    assert unmark(EntityTag(marked[1:-1])) == (EntityTag(b"abc"), form)


@pytest.mark.parametrize("form", list(Form))
def test_a_weak_tag_is_the_same_in_every_form(form: Form) -> None:
    assert mark(EntityTag(b"abc", weak=True), form) == EntityTag(b"abc", weak=True)


@pytest.mark.parametrize("ending", [b"-br", b"-gzip", b"-zstd", b"-id", b"-as"])
def test_a_tag_of_the_origin_that_ends_like_ours_is_told_apart(ending: bytes) -> None:
    theirs = EntityTag(b"abc" + ending)
    assert mark(theirs, Form.AS_IS) == EntityTag(b"abc" + ending + b"-as")
    assert unmark(mark(theirs, Form.AS_IS)) == (theirs, Form.AS_IS)


def test_a_tag_that_a_proxy_in_front_has_weakened_is_still_known() -> None:
    assert unmark(EntityTag(b"abc-br", weak=True)) == (EntityTag(b"abc", weak=True), Form.BR)


@given(opaques, st.booleans(), st.sampled_from(Form))
def test_what_was_marked_comes_back(opaque: bytes, weak: bool, form: Form) -> None:
    tag = EntityTag(opaque, weak)
    assert unmark(mark(tag, form)) == (tag, Form.AS_IS if weak else form)


@given(st.tuples(opaques, st.sampled_from(Form)), st.tuples(opaques, st.sampled_from(Form)))
def test_no_two_forms_of_any_two_tags_are_the_same(one: tuple[bytes, Form], other: tuple[bytes, Form]) -> None:
    marks = [mark(EntityTag(opaque), form) for opaque, form in (one, other)]
    assert (marks[0] == marks[1]) == (one == other)


def test_every_coding_has_its_form_and_name() -> None:
    assert {form.content_coding for form in FORM_OF.values()} == {coding.value.encode() for coding in Coding}
    assert Form.AS_IS.content_coding is None
    assert Form.PLAIN.content_coding is None

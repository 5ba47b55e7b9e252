import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import Fields
from plugins.cache.vary import (
    NORMAL_FORMS,
    PART,
    fitting,
    secondary_key,
    select,
    select_part,
    selecting_fields,
    vary_names,
)
from tests.support.caching import stored_from
from tests.support.plugins import fields_of, make_request


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], ()),
        (["Accept-Encoding"], (b"accept-encoding",)),
        (["accept , ACCEPT-encoding,accept"], (b"accept", b"accept-encoding")),
        (["Accept", "Cookie"], (b"accept", b"cookie")),
        ([","], ()),
        (["*"], None),
        (["Accept, *"], None),
        (["Accept", "*"], None),
        (["Accept Encoding"], None),
        (["Accept\u00e9"], None),
    ],
)
def test_vary_is_read_as_one_list(lines: list[str], names: tuple[bytes, ...] | None) -> None:
    assert vary_names(fields_of([("Vary", line) for line in lines])) == names


SAME = [
    ("Accept-Encoding", "gzip, br", "br,gzip"),
    ("Accept-Encoding", "gzip;q=1.0, br;q=0.5", "BR;q=0.500,GZIP"),
    ("Accept-Encoding", "gzip, gzip", "gzip"),
    ("Accept-Encoding", "gzip , , br", "gzip,br"),
    ("Accept-Encoding", "gzip; q=0.8 , *;q=0", "*;Q=0.0,gzip;q=.8".replace("=.8", "=0.8")),
    ("Accept-Language", "de-AT, en;q=0.5", "en;q=0.50 , DE-at"),
    ("Accept", "text/html, application/json;q=0.9", "application/json; q=0.9, TEXT/html"),
    ("Accept", "text/html;level=1", "text/HTML; Level=1"),
]
DIFFERENT = [
    ("Accept-Encoding", "gzip", "gzip;q=0.5"),
    ("Accept-Encoding", "gzip;q=0.5, br", "br;q=0.5, gzip"),
    ("Accept-Encoding", "gzip", "gzip, br"),
    ("Accept-Encoding", "gzip;q=0", "gzip"),
    ("Accept-Encoding", "gzip;q=2", "gzip"),
    ("Accept-Language", "de", "de-AT"),
    ("Accept", "text/html;level=1", "text/html;level=2"),
    ("Accept", "text/html;charset=UTF-8", "text/html;charset=utf-8"),
    ("Accept", 'text/html;a=", b"', 'b", text/html;a="'),
    ("User-Agent", "A, B", "B, A"),
    ("X-Thing", "a", "A"),
    ("Cookie", "a=1", "a=2"),
]


@pytest.mark.parametrize(("name", "one", "two"), SAME)
def test_values_that_mean_the_same_are_the_same(name: str, one: str, two: str) -> None:
    names = (name.lower().encode(),)
    assert secondary_key(names, fields_of({name: one})) == secondary_key(names, fields_of({name: two}))


@pytest.mark.parametrize(("name", "one", "two"), DIFFERENT)
def test_values_that_mean_something_else_differ(name: str, one: str, two: str) -> None:
    names = (name.lower().encode(),)
    assert secondary_key(names, fields_of({name: one})) != secondary_key(names, fields_of({name: two}))


def test_several_lines_are_one_value() -> None:
    names = (b"x-a",)
    lines = secondary_key(names, fields_of([("X-A", "1"), ("X-A", "2")]))
    assert lines == secondary_key(names, fields_of({"X-A": "1, 2"}))


@pytest.mark.parametrize("name", ["X-A", "Accept-Encoding", "Cookie"])
def test_absent_is_not_empty(name: str) -> None:
    names = (name.lower().encode(),)
    assert secondary_key(names, Fields()) != secondary_key(names, fields_of({name: ""}))


@pytest.mark.parametrize("name", [b"x-api-key", b"x-auth-token"])
def test_keys_of_apis_are_credentials(name: bytes) -> None:
    assert b"alice" not in secondary_key((name,), Fields([(name, b"alice")]))


def test_no_credential_can_be_read_in_a_secondary_key() -> None:
    secret = fields_of({"Cookie": "id=hunter2", "Authorization": "Bearer hunter2", "X-Long": "hunter2" * 20})
    made = secondary_key((b"authorization", b"cookie", b"x-long"), secret)
    assert b"hunter2" not in made
    assert len(made) < 200


def test_no_vary_has_no_secondary_key() -> None:
    assert secondary_key((), fields_of({"Accept": "x"})) == b""
    assert selecting_fields((b"a", b"b"), fields_of({"B": "1"})) == ((b"a", None), (b"b", b"1"))


german = make_request(fields={"Accept-Language": "de"})
french = make_request(fields={"Accept-Language": "fr"})
VARY = {"Cache-Control": "max-age=60", "Vary": "Accept-Language"}


def test_the_variant_that_fits_is_selected() -> None:
    variants = [stored_from(VARY, b"de", request=german), stored_from(VARY, b"fr", request=french)]
    found = select(variants, french.fields)
    assert found is not None
    assert found.body == b"fr"
    assert select(variants, make_request().fields) is None


def test_of_several_that_fit_the_most_recent_is_selected() -> None:
    plain = stored_from({"Cache-Control": "max-age=60"}, b"plain", at=5)
    varied = stored_from(VARY, b"de", request=german, at=0)
    found = select([varied, plain], german.fields)
    assert found is not None
    assert found.body == b"plain"


def test_an_older_answer_without_vary_does_not_stand_in_for_a_newer_one_with_it() -> None:
    plain = stored_from({"Cache-Control": "max-age=60"}, b"plain", at=0)
    varied = stored_from(VARY, b"de", request=german, at=5)
    assert select([varied, plain], french.fields) is None
    found = select([varied, plain], german.fields)
    assert found is not None
    assert found.body == b"de"


def test_a_part_is_never_selected_for_the_whole() -> None:
    ask = make_request(fields={"Range": "bytes=0-1"})
    part = {"Content-Range": "bytes 0-1/10", "ETag": '"a"', "Cache-Control": "max-age=60"}
    stored = stored_from(part, b"01", status=206, request=ask)
    assert stored.variant == PART
    assert select([stored], ask.fields) is None
    assert select_part([stored], ask.fields) is stored
    assert fitting([stored], ask.fields) == []


def test_parts_have_variants_too() -> None:
    ask = make_request(fields={"Range": "bytes=0-1", "Accept-Language": "de"})
    part = {"Content-Range": "bytes 0-1/10", "ETag": '"a"', **VARY}
    stored = stored_from(part, b"01", status=206, request=ask)
    assert select_part([stored], german.fields) is stored
    assert select_part([stored], french.fields) is None


def test_everything_that_fits_is_found() -> None:
    plain, varied = stored_from({"Cache-Control": "max-age=60"}), stored_from(VARY, request=german)
    assert fitting([plain, varied], german.fields) == [plain, varied]
    assert fitting([plain, varied], french.fields) == [plain]


values = st.text(alphabet='abq=;,.*0159 "/\t-', max_size=24).map(lambda text: text.strip().encode())


@given(st.sampled_from([b"accept", b"accept-encoding", b"accept-language"]), values)
def test_a_normal_form_is_its_own_normal_form(name: bytes, value: bytes) -> None:
    form = NORMAL_FORMS[name][value]
    assert NORMAL_FORMS[name][form] == form


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 10)), min_size=1, max_size=5))
def test_order_never_matters(members: list[tuple[str, int]]) -> None:
    texts = [f"{name};q={weight / 10:.1f}" for name, weight in members]
    turned = list(reversed(texts))
    one = secondary_key((b"accept-encoding",), fields_of({"Accept-Encoding": ", ".join(texts)}))
    assert one == secondary_key((b"accept-encoding",), fields_of({"Accept-Encoding": ",".join(turned)}))

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.fields import is_field_value
from plugins.headers.template import PLACEHOLDERS, Composed, Moment, Template
from tests.support.plugins import make_request

REQUEST = make_request("PUT", "/a/b?c=d", peer="192.0.2.9", scheme="https", authority="shop.example:8443")
CONSTANTS = {"route": "api", "upstream": "app"}


def rendered(text: str, moment: Moment | None = None) -> bytes:
    bound = Template(text).bind(CONSTANTS)
    return bound if isinstance(bound, bytes) else bound(moment or Moment(REQUEST, b"id-1", 503))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", b""),
        ("plain", b"plain"),
        ("{client}", b"192.0.2.9"),
        ("{method} {scheme}://{host}{path}", b"PUT https://shop.example:8443/a/b"),
        ("{query}", b"c=d"),
        ("<{route}/{upstream}>", b"<api/app>"),
        ("{request_id};{status}", b"id-1;503"),
        ("{{client}} {client}", b"{client} 192.0.2.9"),
        ("{{{method}}}", b"{PUT}"),
        ("gr\u00fc\u00dfe", "gr\u00fc\u00dfe".encode()),
        ("  padded\t", b"padded"),
    ],
)
def test_placeholders_become_what_they_speak_of(text: str, value: bytes) -> None:
    assert rendered(text) == value


@pytest.mark.parametrize("text", ["plain", "{route}", "a {upstream} b", "{{x}}", ""])
def test_what_never_changes_is_put_together_before_any_request(text: str) -> None:
    assert isinstance(Template(text).bind(CONSTANTS), bytes)


def test_what_depends_on_the_request_is_not() -> None:
    assert isinstance(Template("{client}").bind(CONSTANTS), Composed)


def test_names_of_the_placeholders_are_known() -> None:
    assert Template("{client} {{path}} {route}").placeholders == {"client", "route"}


def test_a_request_without_a_query_leaves_its_place_empty() -> None:
    assert rendered("[{query}]", Moment(make_request(target="/a"))) == b"[]"


def test_octets_of_a_request_that_may_not_stand_in_a_value_are_left_out() -> None:
    request = make_request()
    request.target = b"/a\r\nX-Evil: 1\x00"
    assert rendered("{path}", Moment(request)) == b"/aX-Evil: 1"


@given(st.binary(max_size=20), st.sampled_from(sorted(PLACEHOLDERS)))
def test_whatever_a_request_holds_the_value_can_be_sent(octets: bytes, name: str) -> None:
    request = make_request()
    request.target = request.authority = octets
    assert is_field_value(rendered(f"x{{{name}}}", Moment(request)))


@given(st.text(max_size=12))
def test_any_text_is_a_value_or_a_mistake_in_words(text: str) -> None:
    try:
        outcome = rendered(text).decode("latin-1")
    except ValueError as error:
        outcome = f"mistake: {error}"
    assert outcome.startswith(("mistake: has a", "mistake: uses the unknown")) or is_field_value(
        outcome.encode("latin-1")
    )

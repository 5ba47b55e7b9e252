from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.coalesce.asked import Asked, asked_by
from plugins.coalesce.key import Keyer, Parts, agreeing
from plugins.coalesce.settings import CoalesceSettings
from tests.support.plugins import FieldsLike, make_request


def keyer(**settings: Any) -> Keyer:
    return Keyer(CoalesceSettings.model_validate(settings))


def asked(fields: FieldsLike = (), **how: Any) -> Asked:
    return asked_by(make_request(fields=fields, **how))


def parts(fields: FieldsLike = (), **settings: Any) -> Parts:
    return keyer(**settings).parts(asked(fields))


def test_nobody_is_somebody() -> None:
    assert parts().identity == b""
    assert not parts().has_credentials


@pytest.mark.parametrize(
    ("fields", "credentials"),
    [
        ({"Cookie": "a=1"}, False),
        ({"Authorization": "Basic a"}, True),
        ({"Proxy-Authorization": "Basic a"}, True),
        ({"X-Tenant": "a"}, True),
        ({"Cookie": "a=1", "Authorization": "Basic a"}, True),
    ],
)
def test_who_asks_is_no_part_of_what_is_asked(fields: dict[str, str], credentials: bool) -> None:
    who = parts(fields, identity=["X-Tenant"])
    assert who.common == parts(identity=["X-Tenant"]).common
    assert who.identity != b""
    assert who.has_credentials is credentials


def test_one_who_shows_more_is_somebody_else() -> None:
    seen = {
        parts(fields).identity
        for fields in ({}, {"Cookie": "a=1"}, {"Cookie": "a=1", "Authorization": "a=1"}, {"Authorization": "a=1"})
    }
    assert len(seen) == 4


@pytest.mark.parametrize("name", ["X-Unknown", "Accept", "Accept-Language", "Range", "If-Match", "Origin", "Referer"])
def test_every_other_field_counts(name: str) -> None:
    assert parts({name: "a"}).common != parts({name: "b"}).common
    assert parts({name: "a"}).common != parts().common


@pytest.mark.parametrize("name", ["User-Agent", "Via", "Sec-CH-UA-Platform", "b3", "Host"])
def test_ignored_fields_do_not(name: str) -> None:
    assert parts({name: "a"}) == parts({name: "b"}) == parts()


def test_the_order_of_different_fields_does_not_count_and_that_of_equal_ones_does() -> None:
    assert parts([("A", "1"), ("B", "2")]) == parts([("B", "2"), ("a", "1")])
    assert parts([("A", "1"), ("A", "2")]) != parts([("A", "2"), ("A", "1")])
    assert parts([("A", "1"), ("A", "2")]) != parts([("A", "1, 2")])


def test_of_forwarded_what_it_says_about_the_site_counts() -> None:
    first = parts({"Forwarded": "for=192.0.2.1;host=a.example;proto=https"})
    assert first == parts({"Forwarded": "for=192.0.2.2; host=a.example;proto=HTTPS"})
    assert first != parts({"Forwarded": "for=192.0.2.1;host=b.example;proto=https"})


@pytest.mark.parametrize(
    "how", [{"target": "/b"}, {"method": "HEAD"}, {"authority": "b.example"}, {"scheme": "https"}, {"body": b"x"}]
)
def test_everything_beside_fields_counts(how: dict[str, Any]) -> None:
    assert keyer().parts(asked(**how)) != keyer().parts(asked())


def test_a_host_is_the_same_in_any_case() -> None:
    assert keyer().parts(asked(authority="Shop.Example")) == keyer().parts(asked())


def test_whether_trailers_are_understood_counts() -> None:
    assert keyer().parts(asked()._replace(trailers=True)) != keyer().parts(asked())


def test_the_address_counts_where_the_settings_say_so() -> None:
    near, far = asked(peer="192.0.2.1"), asked(peer="192.0.2.2")
    assert keyer().parts(near) == keyer().parts(far)
    assert keyer().is_same(near, far)
    assert keyer(client_address=True).parts(near) != keyer(client_address=True).parts(far)
    assert not keyer(client_address=True).is_same(near, far)


def test_only_named_cookies_say_who_asks() -> None:
    one = {"cookies": ["session"]}
    assert parts({"Cookie": "a=1;session=x ; b=2"}, **one) == parts({"Cookie": "session=x"}, **one)
    assert parts({"Cookie": "session=x"}, **one) != parts({"Cookie": "session=y"}, **one)
    assert parts({"Cookie": "a=1"}, **one) == parts({}, **one)
    assert parts({"Cookie": "session=x; session=y"}, **one) != parts({"Cookie": "session=x"}, **one)


def test_without_an_identity_the_address_stands_for_who_it_is() -> None:
    assert keyer().identity(asked(peer="192.0.2.1")) == b"192.0.2.1"
    assert keyer().identity(asked({"Cookie": "a=1"})) == parts({"Cookie": "a=1"}).identity


def test_names_of_a_vary_that_are_compared_already_are_left_out() -> None:
    names = (b"accept", b"cookie", b"host", b"user-agent", b"via")
    assert keyer().open_names(names, identity_counts=True) == (b"user-agent", b"via")
    assert keyer().open_names(names, identity_counts=False) == (b"cookie", b"user-agent", b"via")
    some = keyer(cookies=["session"])
    assert some.open_names(names, identity_counts=True) == (b"cookie", b"user-agent", b"via")


def test_agreeing_is_about_these_fields_alone() -> None:
    first = asked({"User-Agent": "a", "Via": "1"})
    assert agreeing((b"user-agent",), first) == agreeing((b"user-agent",), asked({"User-Agent": "a"}))
    assert agreeing((b"user-agent",), first) != agreeing((b"user-agent",), asked())
    assert agreeing((), first) == b""


NAMES = st.sampled_from(["A", "B", "Cookie", "Authorization", "User-Agent", "X-Request-Id"])
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=3)
LINES = st.lists(st.tuples(NAMES, VALUES), max_size=5)


@given(LINES, LINES)
def test_same_parts_mean_same_fields_but_for_the_ignored(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    """A naive reading: by name, the values of each field that counts, in order."""

    def naive(lines: list[tuple[str, str]]) -> dict[str, list[str]]:
        counting: dict[str, list[str]] = {}
        for name, value in lines:
            if name not in ("User-Agent", "X-Request-Id"):
                counting.setdefault(name, []).append(value)
        return counting

    assert (parts(first)[:2] == parts(second)[:2]) == (naive(first) == naive(second))

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.chain.match import compile_glob, compile_match, host_of
from gateway.config.settings import MatchSettings
from gateway.http.message import Request
from tests.support.plugins import make_request

GLOBS = st.text("ab*", max_size=10).map(str.encode)
OCTETS = st.text("ab", max_size=16).map(str.encode)


def naive(glob: bytes, octets: bytes) -> bool:
    """A glob as a regular expression, slow where it has many stars."""
    return re.fullmatch(b".*".join(map(re.escape, glob.split(b"*"))), octets, re.DOTALL) is not None


@pytest.mark.parametrize(
    ("glob", "octets", "matches"),
    [
        (b"/a", b"/a", True),
        (b"/a", b"/a/", False),
        (b"/a*", b"/a", True),
        (b"/a*", b"/ab/c", True),
        (b"*", b"", True),
        (b"**", b"x", True),
        (b"*.png", b"/a/b.png", True),
        (b"*.png", b"/a/b.png?", False),
        (b"/a*a", b"/a", False),
        (b"/a*a", b"/aa", True),
        (b"/*/x/*", b"/a/x/", True),
        (b"*aba*aba*", b"ababa", False),
        (b"a*b*c", b"a.c.b", False),
        (b"/[a]?.", b"/[a]?.", True),
        (b"/[a]?.", b"/ab", False),
        (b"/a", b"/A", False),
        (b"*", b"\x00\xff\r\n", True),
    ],
)
def test_a_star_is_any_run_of_octets_and_nothing_else_is_special(glob: bytes, octets: bytes, matches: bool) -> None:
    assert compile_glob(glob)(octets) is matches


@given(GLOBS, OCTETS)
@example(b"a*a", b"a")
@example(b"*ab*b", b"ab")
def test_a_glob_says_what_a_naive_reading_says(glob: bytes, octets: bytes) -> None:
    assert compile_glob(glob)(octets) is naive(glob, octets)


class Counted(bytes):
    """Octets that count how many of them were looked at in searches."""

    looked_at = 0

    def find(self, part: Any, start: Any = 0, end: Any = None) -> int:
        found = super().find(part, start, end)
        self.looked_at += (found + len(part) if found >= 0 else len(self) if end is None else end) - start
        return found


@pytest.mark.parametrize("size", [1_000, 100_000])
@pytest.mark.parametrize("glob", [b"*a*a*a*a*a*a*a*b*", b"*a*a*b*a*a*c", b"a*" * 8 + b"x*a", b"*aa*ab*"])
def test_no_octet_is_searched_twice_however_many_stars_there_are(glob: bytes, size: int) -> None:
    octets = Counted(b"a" * size)
    assert not compile_glob(glob)(octets)
    assert octets.looked_at <= size


# --- conditions of a route -------------------------------------------------------------------------


def takes(request: Request, **conditions: Any) -> bool:
    matcher = compile_match(MatchSettings.model_validate(conditions))
    assert matcher is not None
    return matcher(request)


@pytest.mark.parametrize("conditions", [{}, {"path": "/*"}, {"host": "*"}, {"path": "/*", "host": "*"}])
def test_a_route_without_real_conditions_takes_everything(conditions: dict[str, str]) -> None:
    assert compile_match(MatchSettings.model_validate(conditions)) is None


def test_the_path_is_looked_at_without_the_query() -> None:
    assert takes(make_request(target="/api/x?y=/z"), path="/api/*")
    assert takes(make_request(target="/api?/x"), path="/api")
    assert not takes(make_request(target="/x?/api/"), path="/api/*")
    assert not takes(make_request(target="/%61pi/x"), path="/api/*")


@pytest.mark.parametrize("authority", ["app.example.com", "APP.example.COM:8080", "a.b.example.com"])
def test_the_host_is_looked_at_in_any_case_without_its_port(authority: str) -> None:
    assert takes(make_request(authority=authority), host="*.Example.com")
    assert not takes(make_request(authority=authority), host="*.Example.org")


def test_a_host_is_matched_to_its_end() -> None:
    assert not takes(make_request(authority="app.example.com.evil.test"), host="*.example.com")
    assert not takes(make_request(authority="evil.test:80"), host="*:80")


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        (b"a.test", b"a.test"),
        (b"A.test:80", b"a.test"),
        (b"a.test:", b"a.test"),
        (b"A.test.", b"a.test"),
        (b"a.test.:80", b"a.test"),
        (b"a.test..", b"a.test."),
        (b".", b""),
        (b"[2001:DB8::1]:80", b"[2001:db8::1]"),
        (b"[::1]", b"[::1]"),
        (b"", b""),
    ],
)
def test_a_host_is_the_authority_without_its_port(authority: bytes, host: bytes) -> None:
    assert host_of(authority) == host


def test_methods_are_compared_as_they_are() -> None:
    assert takes(make_request("PUT"), method=["POST", "PUT"])
    assert not takes(make_request("Put"), method=["POST", "PUT"])


def test_a_field_is_looked_up_in_any_case_and_must_be_there() -> None:
    assert takes(make_request(fields={"x-version": "v2.1"}), header={"X-Version": "v2*"})
    assert not takes(make_request(fields={"x-version": "V2.1"}), header={"X-Version": "v2*"})
    assert not takes(make_request(), header={"X-Version": "*"})
    assert takes(make_request(fields={"X-Version": ""}), header={"X-Version": "*"})


def test_all_conditions_must_hold() -> None:
    conditions = {"path": "/api/*", "method": "GET", "header": {"A": "1", "B": "2"}}
    assert takes(make_request("GET", "/api/x", {"A": "1", "B": "2"}), **conditions)
    assert not takes(make_request("GET", "/api/x", {"A": "1", "B": "3"}), **conditions)
    assert not takes(make_request("POST", "/api/x", {"A": "1", "B": "2"}), **conditions)
    assert not takes(make_request("GET", "/x", {"A": "1", "B": "2"}), **conditions)

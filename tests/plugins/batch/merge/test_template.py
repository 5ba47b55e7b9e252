from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.batch.merge.template import LONGEST, Asked, Template, parameter_names

USERS = Template("/users/{id}", "/users?ids={ids}", ",")
ITEMS = Template("/shops/{shop}/items/{id}.json", "/shops/{shop}/items?of={shop}&id[]={ids}", "&id[]=")


def test_a_path_gives_its_id_and_ids_give_a_target() -> None:
    assert USERS.read(b"/users/7") == Asked("7", ())
    assert USERS.target(["7", "8"], (), None) == b"/users?ids=7,8"
    assert USERS.target(["7"], (), b"lang=en") == b"/users?ids=7&lang=en"
    assert Template("/u/{id}", "/bulk/{ids}", ",").target(["1", "2"], (), b"a=b") == b"/bulk/1,2?a=b"


def test_other_placeholders_stand_in_the_target_too() -> None:
    assert ITEMS.read(b"/shops/north/items/7.json") == Asked("7", ("north",))
    target = ITEMS.target(["7", "8"], ("north",), None)
    assert target == b"/shops/north/items?of=north&id[]=7&id[]=8"


@pytest.mark.parametrize("path", [b"/users", b"/users/", b"/users/7/", b"/users/7/posts", b"/Users/7", b"/x/users/7"])
def test_other_paths_do_not_match(path: bytes) -> None:
    assert not USERS.matches(path)
    assert USERS.read(path) is None


@pytest.mark.parametrize(
    "part",
    [
        b"%",
        b"%2",
        b"%zz",
        b"%ff",
        b"%00",
        b"a%0d%0ab",
        b"%7f",
        b".",
        b"..",
        b"%2e%2e",
        b"%2E",
        b"1,2",
        b"1%2C2",
        b"x" * (LONGEST + 1),
    ],
)
def test_what_could_mean_something_else_in_a_bulk_request_is_not_put_in(part: bytes) -> None:
    assert USERS.matches(b"/users/" + part)
    assert USERS.read(b"/users/" + part) is None


def test_an_id_that_holds_the_separator_is_not_put_in() -> None:
    assert ITEMS.read(b"/shops/n/items/1&id[]=2.json") is None
    assert ITEMS.read(b"/shops/n/items/1%26id[]%3D2.json") is None
    assert Template("/u/{id}", "/u?ids={ids}", "%7C").read(b"/u/1|2") is None


def test_a_placeholder_beside_the_id_is_held_to_the_same() -> None:
    assert ITEMS.read(b"/shops/%2e%2e/items/7.json") is None
    assert ITEMS.target(["7"], ("a/b&of=c",), None) == b"/shops/a%2Fb%26of%3Dc/items?of=a%2Fb%26of%3Dc&id[]=7"


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5, unique=True))
def test_whatever_clients_ask_for_a_server_reads_those_ids_and_nothing_else(wanted: list[str]) -> None:
    read = [USERS.read(b"/users/" + quote(text, safe="").encode("utf-8", "replace")) for text in wanted]
    ids = [asked.id for asked in read if asked is not None]
    if not ids:
        return
    target = USERS.target(ids, (), None)
    assert target.isascii()
    assert b"#" not in target
    query = parse_qs(urlsplit(target.decode()).query, strict_parsing=True, keep_blank_values=True)
    assert list(query) == ["ids"]
    assert query["ids"][0].split(",") == ids


@given(st.binary(max_size=30))
def test_any_octets_of_a_path_are_read_or_left_alone(part: bytes) -> None:
    asked = USERS.read(b"/users/" + part)
    if asked is not None:
        assert asked.id == unquote(part.decode("latin-1"), errors="strict") or not part.isascii()
        assert USERS.room(asked.id) == len(USERS.target([asked.id], (), None)) - len(b"/users?ids=") + 1


def test_names_of_parameters_are_read_as_careless_servers_do() -> None:
    assert parameter_names(b"a=1&B;%63=2&d[]=3&e%5B1%5D=4&+f=5&&=6") == {"a", "b", "c", "d", "e", "f"}
    assert USERS.parameters == {"ids"}
    assert ITEMS.parameters == {"of", "id"}
    assert Template("/u/{id}", "/u/{ids}", ",").parameters == frozenset()

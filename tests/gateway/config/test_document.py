from typing import Any

import pytest

from gateway.config.document import MOST_VALUES, Document, read
from gateway.config.mistakes import ConfigError, Problem


def document(text: str, **environ: str) -> Document:
    return read(text, "f.yaml", environ)


def data(text: str, **environ: str) -> Any:
    found = document(text, **environ)
    assert found.mistakes == []
    return found.data


def summaries(found: Document) -> list[str]:
    return [mistake.summary() for mistake in found.mistakes]


def test_data_is_plain() -> None:
    assert data("a: {b: [1, 1.5, true, ~, off, '1']}\n404: x\n") == {
        "a": {"b": [1, 1.5, True, None, "off", "1"]},
        "404": "x",
    }


def test_a_variable_is_typed_like_a_plain_scalar_unless_it_is_quoted() -> None:
    assert data("a: ${N}\nb: '${N}'\nc: ${E:-}\nd: ${E:-off}\n", N="2") == {"a": 2, "b": "2", "c": None, "d": "off"}


def test_what_a_variable_holds_cannot_become_structure() -> None:
    assert data("a: ${N}\n", N="[1, {b: *x}]\nc: 1") == {"a": "[1, {b: *x}]\nc: 1"}


def test_keys_are_not_substituted() -> None:
    assert data("${N}: 1\n", N="a") == {"${N}": 1}


def test_an_alias_repeats_its_value() -> None:
    assert data("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_value_a_key_and_a_missing_key_are_found() -> None:
    found = document("a:\n  b: 1\n  c: [1, 2]\n")
    places = [
        found.mistake(Problem(path, "x", at_key=at_key))
        for path, at_key in [
            (("a", "b"), False),
            (("a", "b"), True),
            (("a", "c", 1), False),
            (("a", "z"), False),
            (("q",), False),
        ]
    ]
    assert [(place.line, place.column) for place in places] == [(2, 6), (2, 3), (3, 10), (1, 1), (1, 1)]
    assert places[2].path == "a.c[1]"
    assert (places[2].excerpt, places[2].caret) == ("  c: [1, 2]", 9)


def test_a_mistake_in_an_aliased_value_is_shown_where_it_was_written() -> None:
    found = document("a: &x {b: 1}\nc: *x\n")
    assert found.mistake(Problem(("c", "b"), "x")).line == 1
    assert found.mistake(Problem(("c",), "x")).line == 2


def test_a_byte_order_mark_is_passed_over() -> None:
    found = document("\ufeffa: 1\n")
    assert found.data == {"a": 1}
    assert found.mistake(Problem(("a",), "x")).excerpt == "a: 1"


def test_harmless_mistakes_are_collected() -> None:
    found = document('a: 1\na: 2\n<<: {b: 1}\nc: ${NOPE}\nd: "\\ud800"\n"\\udfff": 1\n')
    assert found.data == {"a": 1, "c": None, "d": None}
    assert summaries(found) == [
        "f.yaml:2:1: a: is given twice, first in line 1; remove one of them",
        'f.yaml:3:1: "<<": merge keys are not accepted; write the keys out',
        "f.yaml:4:4: c: the environment variable NOPE is not set; set it, or write ${NOPE:-default}",
        "f.yaml:5:4: d: holds half of a surrogate pair, or a variable that is not UTF-8",
        "f.yaml:6:1: a key holds half of a surrogate pair",
    ]


def test_what_follows_from_an_unreadable_value_is_only_a_consequence() -> None:
    found = document("a: ${NOPE}\nb: 1\n")
    assert found.is_consequence(Problem(("a",), "has no value"))
    assert found.is_consequence(Problem(("a", "b"), "is missing"))
    assert not found.is_consequence(Problem(("b",), "x"))
    assert not found.is_consequence(Problem((), "x"))


def test_a_variable_that_is_not_utf_8_is_refused() -> None:
    found = document("a: ${N}\n", N="\udcff")
    assert [mistake.path for mistake in found.mistakes] == ["a"]


def test_yaml_that_cannot_be_read_is_a_mistake_with_its_place() -> None:
    with pytest.raises(ConfigError) as refused:
        document("a: ${NOPE}\nb: [\n")
    assert str(refused.value).startswith("f.yaml:3:1: not valid YAML")


def test_aliases_cannot_make_a_small_file_large() -> None:
    bomb = "a0: &a0 [" + "x, " * 9 + "x]\n"
    bomb += "".join(f"a{n}: &a{n} [" + f"*a{n - 1}, " * 9 + f"*a{n - 1}]\n" for n in range(1, 9))
    with pytest.raises(ConfigError, match=f"more than {MOST_VALUES} values"):
        document(bomb)


def test_aliases_cannot_make_a_flat_file_deep() -> None:
    text = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(ConfigError, match="nested more than 32 levels"):
        document(text)

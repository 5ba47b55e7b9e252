import pytest

from gateway.config.yaml_nodes import (
    AliasNode,
    ListNode,
    MappingNode,
    Mark,
    Node,
    ScalarNode,
    YamlError,
    parse,
    split_lines,
)


def mapping(text: str) -> dict[str, Node]:
    root = parse(text)
    assert isinstance(root, MappingNode)
    return {key.text: node for key, node in root.items}


def test_every_node_knows_its_line_and_column() -> None:
    nodes = mapping("a: 1\nb:\n  - x\n  - 'y'\n")
    assert nodes["a"] == ScalarNode(Mark(1, 4), "1", is_plain=True)
    assert nodes["b"] == ListNode(
        Mark(3, 3), [ScalarNode(Mark(3, 5), "x", is_plain=True), ScalarNode(Mark(4, 5), "y", is_plain=False)]
    )


def test_a_text_without_a_document_has_no_root() -> None:
    assert parse("") is None
    assert parse("# only a comment\n") is None


def test_quoted_and_block_texts_are_not_plain() -> None:
    nodes = mapping("a: 'x'\nb: \"x\"\nc: |\n  x\nd: >\n  x\n")
    assert [node.is_plain for node in nodes.values() if isinstance(node, ScalarNode)] == [False] * 4


def test_an_alias_points_to_its_node_and_keeps_its_own_place() -> None:
    nodes = mapping("a: &x [1]\nb: *x\n")
    assert nodes["b"] == AliasNode(Mark(2, 4), nodes["a"])


def test_an_anchor_given_again_means_the_newer_node_from_there_on() -> None:
    nodes = mapping("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
    targets = [node.target for node in nodes.values() if isinstance(node, AliasNode)]
    assert [node.text for node in targets if isinstance(node, ScalarNode)] == ["1", "2"]


def test_a_key_may_be_an_alias_to_a_text() -> None:
    assert list(mapping("a: &x b\n*x : 1\n")) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [", 1, 5, "not valid YAML: expected the node content, but found '<stream end>'"),
        ("a: b: c", 1, 5, "not valid YAML: mapping values are not allowed here"),
        ("a:\n\t- b", 2, 1, "is a tab"),
        ("a: 1\nb: \x01", 2, 4, "holds a character that YAML does not allow"),
        ('a: "\\UFFFFFFFF"', 1, 1, "not valid YAML from here on"),
        ("a: 1\n---\nb: 1", 2, 1, "a second document starts here"),
        ("%YAML 1.1\n---\na: 1", 1, 1, "directives are not accepted"),
        ("%TAG ! !x\n---\na: 1", 1, 1, "directives are not accepted"),
        ("a: !!python/name:os.system x", 1, 4, "tags are not accepted"),
        ("a: !!str x", 1, 4, "tags are not accepted"),
        ("a: ! x", 1, 4, "tags are not accepted"),
        ("a: *x", 1, 4, "no anchor &x is complete before this alias"),
        ("a: &x [*x]", 1, 8, "no anchor &x is complete before this alias"),
        ("? [a]\n: 1", 1, 3, "a key must be a text"),
        ("a: 1\n&x {b: 1}: 2", 2, 1, "a key must be a text"),
    ],
)
def test_what_a_configuration_does_without_is_refused_in_its_place(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(YamlError) as refused:
        parse(text)
    assert (refused.value.message, refused.value.mark) == (message, Mark(line, column))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: [::1]:80", 'put an IPv6 address in quotes: "[::1]:8080"'),
        ("a: {b: ${X}}", 'put a text with ${NAME} in quotes inside [...] and {...}: "${NAME}"'),
        ("a: [", None),
    ],
)
def test_the_two_traps_of_yaml_have_their_hints(text: str, hint: str | None) -> None:
    with pytest.raises(YamlError) as refused:
        parse(text)
    assert refused.value.hint == hint


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 50_000, "[" * 33 + "]" * 33])
def test_deep_nesting_is_refused_before_it_costs_anything(text: str) -> None:
    with pytest.raises(YamlError, match="nested more than 32 levels"):
        parse(text)


def test_thirty_two_levels_are_enough() -> None:
    assert parse("[" * 32 + "]" * 32) is not None


def test_lines_break_where_the_parser_counts_them() -> None:
    assert split_lines("a\u2028b\x85c") == ["a\u2028b\x85c"]
    text = "a: 1\r\nb: 2\rc: 3\nd: [\n"
    assert split_lines(text) == ["a: 1", "b: 2", "c: 3", "d: [", ""]
    with pytest.raises(YamlError) as refused:
        parse(text)
    assert refused.value.mark.line == 5

"""From the text of a file to nodes that know their place. The only module that knows the YAML library.

Nothing is constructed here, so no tag can make anything happen. Depth is checked while the parser runs, and an alias
is a reference to the node it names, so a small file cannot become a large one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

DEEPEST_NESTING = 32


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the file; both numbers start with 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ScalarNode:
    mark: Mark
    text: str
    is_plain: bool


@dataclass(frozen=True, slots=True)
class ListNode:
    mark: Mark
    items: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MappingNode:
    mark: Mark
    items: list[tuple[ScalarNode, "Node"]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AliasNode:
    """Another appearance of `target`."""

    mark: Mark
    target: "Node"


Node = ScalarNode | ListNode | MappingNode | AliasNode


class YamlError(Exception):
    """The text is not YAML, or uses a part of YAML that a configuration does without."""

    def __init__(self, mark: Mark, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.mark = mark
        self.message = message
        self.hint = hint


def split_lines(text: str) -> list[str]:
    """The lines of `text`, at least one, broken where the YAML library breaks them when it counts."""
    return re.split(r"\r\n|[\n\r]", text)


def parse(text: str) -> Node | None:
    """The root node of the document in `text`, or None if there is none. Raises `YamlError`."""
    return _Composer(text).compose()


class _Composer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._mark = Mark(1, 1)
        self._anchors: dict[str, Node] = {}
        self._events = self._read(text)

    def compose(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse("a second document starts here", "keep one document in a file")
                if event.version or event.tags:
                    raise YamlError(Mark(1, 1), "directives are not accepted", "remove the lines that start with %")
            elif isinstance(event, NodeEvent):
                root = self._node(event, 1)
        return root

    def _read(self, text: str) -> Iterator[Event]:
        """The library's events. Its errors, and those that its scanner lets slip, become ours here."""
        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                self._mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
                yield event
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Mark(mark.line + 1, mark.column + 1) if mark is not None else self._mark
            if "\\t" in (error.problem or ""):
                raise YamlError(place, "is a tab", "YAML wants spaces to indent and between words") from error
            message = f"not valid YAML: {_lower_first(error.problem)}"
            raise YamlError(place, message, self._syntax_hint(place)) from error
        except ReaderError as error:
            raise YamlError(self._place_of(error.position), "holds a character that YAML does not allow") from error
        except (
            YAMLError,
            ArithmeticError,
            AssertionError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise YamlError(self._mark, "not valid YAML from here on") from error

    def _node(self, event: NodeEvent, depth: int) -> Node:
        mark = self._mark
        if depth > DEEPEST_NESTING:
            self._refuse(f"is nested more than {DEEPEST_NESTING} levels deep")
        if isinstance(event, AliasEvent):
            target = self._anchors.get(event.anchor)
            if target is None:
                self._refuse(f"no anchor &{event.anchor} is complete before this alias")
            return AliasNode(mark, target)
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._refuse("tags are not accepted", "remove the word that starts with !")
        node: Node
        if isinstance(event, ScalarEvent):
            node = ScalarNode(mark, event.value, not event.style)
        elif isinstance(event, SequenceStartEvent):
            node = self._list(mark, depth)
        else:
            assert isinstance(event, MappingStartEvent)
            node = self._mapping(mark, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _list(self, mark: Mark, depth: int) -> ListNode:
        node = ListNode(mark)
        while not isinstance(event := self._next(), SequenceEndEvent):
            node.items.append(self._node(event, depth + 1))
        return node

    def _mapping(self, mark: Mark, depth: int) -> MappingNode:
        node = MappingNode(mark)
        while not isinstance(event := self._next(), MappingEndEvent):
            key = self._node(event, depth + 1)
            while isinstance(key, AliasNode):
                key = key.target
            if not isinstance(key, ScalarNode):
                raise YamlError(key.mark, "a key must be a text", self._syntax_hint(key.mark))
            node.items.append((key, _beside(key, self._node(self._next(), depth + 1))))
        return node

    def _next(self) -> Any:
        return next(self._events)

    def _refuse(self, message: str, hint: str | None = None) -> NoReturn:
        raise YamlError(self._mark, message, hint)

    def _place_of(self, position: int) -> Mark:
        lines = split_lines(self._text[:position])
        return Mark(len(lines), len(lines[-1]) + 1)

    def _syntax_hint(self, place: Mark) -> str | None:
        """The two traps of this file format: variables and IPv6 addresses where brackets mean something to YAML."""
        lines = split_lines(self._text)
        line = lines[place.line - 1] if place.line <= len(lines) else ""
        if "${" in line:
            return 'put a text with ${NAME} in quotes inside [...] and {...}: "${NAME}"'
        if re.search(r"\[[0-9a-fA-F:.]{0,42}::[0-9a-fA-F:.]{0,42}\]", line):
            return 'put an IPv6 address in quotes: "[::1]:8080"'
        return None


def _beside(key: ScalarNode, value: Node) -> Node:
    """`value`; a value that was forgotten has its place at its key, and not where the next thing starts."""
    is_forgotten = isinstance(value, ScalarNode) and value.is_plain and not value.text
    return replace(value, mark=key.mark) if is_forgotten and value.mark.line != key.mark.line else value


def _lower_first(text: str | None) -> str:
    return f"{text[0].lower()}{text[1:]}" if text else "it ends in the middle of something"

"""A configuration file as plain data that knows where in the file each part of it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.config.base import SettingError
from gateway.config.environment import substitute
from gateway.config.mistakes import ConfigError, Mistake, Path, Problem, excerpt, path_text, shown
from gateway.config.scalars import typed
from gateway.config.yaml_nodes import (
    DEEPEST_NESTING,
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

MOST_VALUES = 20_000
"""Values of one file, those that aliases repeat included. A large configuration has a few thousand."""


@dataclass(slots=True)
class Document:
    """The data of a file, the places of its values, and the mistakes found while reading it."""

    file: str
    lines: list[str]
    data: Any = None
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    void: set[Path] = field(default_factory=set)
    """Paths whose value could not be read. What else seems wrong there is only a consequence."""
    _shown: dict[int, str] = field(default_factory=dict, repr=False)

    def mistake(self, problem: Problem) -> Mistake:
        """`problem` at its place in the file."""
        return self.at(self._mark(problem), problem)

    def is_consequence(self, problem: Problem) -> bool:
        """Whether `problem` sits in a value that could not be read in the first place."""
        return any(problem.path[:length] in self.void for length in range(len(problem.path) + 1))

    def _mark(self, problem: Problem) -> Mark:
        path = problem.path
        if path in self.values:
            return self.keys[path] if problem.at_key and path in self.keys else self.values[path]
        while path and path not in self.values:  # a missing key: the mapping that lacks it
            path = path[:-1]
        return self.keys.get(path) or self.values.get(path) or Mark(1, 1)

    def at(self, mark: Mark, problem: Problem) -> Mistake:
        """`problem` at `mark`, wherever its path leads."""
        line = self._shown.get(mark.line)
        if line is None:
            line = self._shown[mark.line] = shown(self.lines[mark.line - 1]) if mark.line <= len(self.lines) else ""
        part, caret = excerpt(line, mark.column)
        return Mistake(
            self.file,
            mark.line,
            mark.column,
            path_text(problem.path),
            problem.message,
            problem.hint,
            part,
            caret,
        )


def read(text: str, file: str, environ: Mapping[str, str]) -> Document:
    """The document in `text`. Raises `ConfigError` where reading cannot go on."""
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    document = Document(file, split_lines(text))
    try:
        root = parse(text)
        if root is not None:
            document.data = _Reader(document, environ).value(root, ())
    except YamlError as error:
        problem = Problem((), error.message, error.hint)
        raise ConfigError([*document.mistakes, document.at(error.mark, problem)]) from error
    return document


class _Reader:
    """Makes data of nodes. Mistakes that harm one value only are collected, and reading goes on."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self._count = 0

    def value(self, node: Node, path: Path, mark: Mark | None = None) -> Any:
        """The data of `node`. `mark` is the place of the alias that led here."""
        if isinstance(node, AliasNode):
            return self.value(node.target, path, mark or node.mark)
        mark = mark or node.mark
        self._count += 1
        if self._count > MOST_VALUES:
            raise YamlError(mark, f"the file has more than {MOST_VALUES} values", "aliases count each time")
        if len(path) >= DEEPEST_NESTING:
            raise YamlError(mark, f"is nested more than {DEEPEST_NESTING} levels deep")
        self._document.values[path] = mark
        if isinstance(node, ListNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.items)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        return self._scalar(node, path, mark)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        first: dict[str, Mark] = {}
        for key, item in node.items:
            name, inner = key.text, (*path, key.text)
            if name == "<<" and key.is_plain:
                self._report(inner, key.mark, "merge keys are not accepted", "write the keys out")
            elif name in data:
                line = first[name].line
                self._report(inner, key.mark, f"is given twice, first in line {line}", "remove one of them")
            elif not _is_unicode(name):
                self._report(path, key.mark, "a key holds half of a surrogate pair")
            else:
                first[name] = self._document.keys[inner] = key.mark
                data[name] = self.value(item, inner)
        return data

    def _scalar(self, node: ScalarNode, path: Path, mark: Mark) -> Any:
        try:
            text = substitute(node.text, self._environ)
        except SettingError as error:
            self._void(path, mark, error.message, error.hint)
            return None
        if not _is_unicode(text):
            self._void(path, mark, "holds half of a surrogate pair, or a variable that is not UTF-8")
            return None
        return typed(text) if node.is_plain else text

    def _void(self, path: Path, mark: Mark, message: str, hint: str | None = None) -> None:
        self._document.void.add(path)
        self._report(path, mark, message, hint)

    def _report(self, path: Path, mark: Mark, message: str, hint: str | None = None) -> None:
        self._document.mistakes.append(self._document.at(mark, Problem(path, message, hint)))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""The repository's own Python files as values, for tests about how they depend on each other."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "plugins", "loadtests", "tests")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, in full: `from a import b` is `a.b`, at its line."""

    name: str
    line: int

    def is_within(self, modules: Iterable[str]) -> bool:
        """Whether the name is one of `modules` or lies inside one."""
        return any(self.name == module or self.name.startswith(f"{module}.") for module in modules)


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: where it is (relative to the repository), its tree and its length in lines."""

    path: PurePosixPath
    tree: ast.Module
    lines: int

    @classmethod
    def of(cls, path: str, text: str) -> "Source":
        """The file `path` with the content `text`; raises SyntaxError where Python would."""
        return cls(PurePosixPath(path), ast.parse(text, filename=path), len(text.splitlines()))

    @property
    def room(self) -> str | None:
        """The plugin room the file belongs to, if any."""
        parts = self.path.parts
        return parts[1] if parts[0] == "plugins" and len(parts) > 2 else None

    @property
    def is_rules(self) -> bool:
        """Whether the file may neither do I/O nor read a clock: HTTP as values, and rooms but for plugin.py."""
        if self.room is not None:
            return self.path.name not in ("plugin.py", "__init__.py")
        return self.path.is_relative_to("gateway/http")

    def imports(self) -> Iterator[Import]:
        """Every import of the file: at its top, inside functions, relative, or by a literal name at run time."""
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    yield from (Import(alias.name, node.lineno) for alias in names)
                case ast.ImportFrom(names=names):
                    origin = self._origin(node)
                    yield from (Import(f"{origin}.{alias.name}", node.lineno) for alias in names)
                case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
                    if _last_name(function) in ("import_module", "__import__"):
                        yield Import(name, node.lineno)

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.path.parts[: -node.level]
        return ".".join([*package, *([node.module] if node.module else [])])


def _last_name(expression: ast.expr) -> str | None:
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def read_sources(root: Path = ROOT) -> tuple[Source, ...]:
    """Every Python file of the repository's packages, in the order of their paths."""
    files = (file for package in PACKAGES for file in (root / package).rglob("*.py"))
    return tuple(Source.of(file.relative_to(root).as_posix(), file.read_text("utf-8")) for file in sorted(files))

"""The promises the tree makes, each as a rule: sources in, breaches out.

A rule is a plain function, so that a test can feed it a file that breaks it."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.support.source import Source

Sources = Iterable[Source]

CLOCKS_AND_IO = ("aiohttp", "asyncio", "redis", "selectors", "socket", "ssl", "time", "uvloop")
AIOHTTP = ("aiohttp", "aiohttp_cors")
AIOHTTP_ROOMS = ("gateway/websocket", "gateway/supervisor", "gateway/demo")
ROAD = ("gateway/worker", "gateway/listener", "gateway/upstream", "gateway/chain")
CONTROL_PLANE = ("gateway.supervisor", "prometheus_client", "ruamel")
REGISTRY = PurePosixPath("gateway/chain/registry.py")
ROOM_FILES = ("README.md", "settings.py", "plugin.py")
LONGEST_FILE = 400


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken promise and where it was broken."""

    path: PurePosixPath
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def plugins_import_only_the_api(sources: Sources) -> Iterator[Breach]:
    """A room sees `gateway.api`, `gateway.http`, libraries and itself; never the engine, never another room."""
    for source in _within(sources, "plugins"):
        own = (f"plugins.{source.room}",) if source.room else ()
        for found in source.imports():
            ours = found.is_within(("gateway", "plugins"))
            if ours and not found.is_within(("gateway.api", "gateway.http", *own)):
                yield Breach(source.path, found.line, f"a plugin must not import {found.name}")


def only_the_registry_names_plugins(sources: Sources) -> Iterator[Breach]:
    """The engine finds rooms through its registry and depends on none of them."""
    for source in _within(sources, "gateway"):
        if source.path != REGISTRY:
            yield from _imports_of(source, ("plugins",), "is for the registry alone to import")


def rules_do_no_io(sources: Sources) -> Iterator[Breach]:
    """HTTP as values, and every file of a room but plugin.py, take what they need, *now* included."""
    for source in sources:
        if source.is_rules:
            yield from _imports_of(source, CLOCKS_AND_IO, "does I/O or reads a clock: not in a file of rules")


def aiohttp_stays_in_its_rooms(sources: Sources) -> Iterator[Breach]:
    """aiohttp serves the control plane, WebSockets and calls that plugins make; the road does without."""
    for source in _within(sources, "gateway", "plugins"):
        makes_calls = source.room is not None and source.path.name == "plugin.py"
        if not makes_calls and not any(source.path.is_relative_to(room) for room in AIOHTTP_ROOMS):
            yield from _imports_of(source, AIOHTTP, "has no place here")


def the_road_knows_no_control_plane(sources: Sources) -> Iterator[Breach]:
    """Nothing in a worker but the road: no admin, no metrics text, no YAML."""
    for source in _within(sources, *ROAD):
        yield from _imports_of(source, CONTROL_PLANE, "belongs to the control plane, not to a worker")


def the_two_ends_of_the_road_do_not_meet(sources: Sources) -> Iterator[Breach]:
    """A step knows only the next one: the listener and the upstream are wired together where a worker is built."""
    everything = tuple(sources)
    for source in _within(everything, "gateway/listener"):
        yield from _imports_of(source, ("gateway.upstream",), "is the other end of the road")
    for source in _within(everything, "gateway/upstream"):
        yield from _imports_of(source, ("gateway.listener",), "is the other end of the road")


def every_file_has_its_tests(sources: Sources) -> Iterator[Breach]:
    """`gateway/a/b.py` is tested by `tests/gateway/a/test_b.py`, which holds at least one test."""
    everything = tuple(sources)
    tested = {source.path for source in everything if _holds_a_test(source)}
    for source in _within(everything, "gateway", "plugins"):
        mirror = PurePosixPath("tests") / source.path.with_name(f"test_{source.path.name}")
        if source.path.name not in ("__init__.py", "__main__.py") and mirror not in tested:
            yield Breach(source.path, 1, f"has no tests in {mirror}")


def rooms_are_complete(files: Iterable[PurePosixPath]) -> Iterator[Breach]:
    """Every room under plugins/ explains itself, has settings and one file that awaits."""
    present = set(files)
    rooms = {file.parents[-3] for file in present if file.is_relative_to("plugins") and len(file.parts) > 2}
    for room in sorted(rooms):
        for name in ROOM_FILES:
            if room / name not in present:
                yield Breach(room / name, 1, "is missing from its room")


def files_stay_short(sources: Sources) -> Iterator[Breach]:
    """A file that no longer reads as one story is two ideas."""
    for source in sources:
        if source.lines > LONGEST_FILE:
            yield Breach(source.path, LONGEST_FILE + 1, f"has {source.lines} lines, more than {LONGEST_FILE}")


def plugins_start_tasks_through_the_runtime(sources: Sources) -> Iterator[Breach]:
    """`runtime.tasks` keeps, watches and awaits what it starts. A task group does so as well; a bare task does not."""
    for source in _within(sources, "plugins"):
        groups = set(_task_groups(source.tree))
        for node in ast.walk(source.tree):
            match node:
                case ast.Attribute(value=ast.Name(id=owner), attr="create_task") if owner in groups:
                    pass
                case ast.Attribute(attr="create_task" | "ensure_future" as name):
                    yield Breach(source.path, node.lineno, f"{name}: use runtime.tasks.spawn")
        for found in source.imports():
            if found.is_within(("asyncio.create_task", "asyncio.ensure_future")):
                yield Breach(source.path, found.line, f"{found.name}: use runtime.tasks.spawn")


def folders_of_tests_are_no_packages(sources: Sources) -> Iterator[Breach]:
    """Under importlib mode an `__init__.py` among the tests would give one module two names."""
    for source in _within(sources, "tests"):
        if source.path.name == "__init__.py":
            yield Breach(source.path, 1, "does not belong among the tests")


Rule = Callable[[Sources], Iterator[Breach]]


def _within(sources: Sources, *folders: str) -> Iterator[Source]:
    return (source for source in sources if any(source.path.is_relative_to(folder) for folder in folders))


def _imports_of(source: Source, modules: Iterable[str], reason: str) -> Iterator[Breach]:
    forbidden = tuple(modules)
    return (
        Breach(source.path, found.line, f"{found.name} {reason}")
        for found in source.imports()
        if found.is_within(forbidden)
    )


def _holds_a_test(source: Source) -> bool:
    functions = (node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(function.name.startswith("test_") for function in functions)


def _task_groups(tree: ast.Module) -> Iterator[str]:
    """Names bound by `async with asyncio.TaskGroup() as name`."""
    for node in ast.walk(tree):
        match node:
            case ast.withitem(
                context_expr=ast.Call(func=ast.Name(id="TaskGroup") | ast.Attribute(attr="TaskGroup")),
                optional_vars=ast.Name(id=name),
            ):
                yield name

"""The promises of the tree, kept. Each rule is also fed a file that breaks it, so that none can go blind unnoticed."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from tests.support import architecture
from tests.support.architecture import Breach, Rule
from tests.support.source import PACKAGES, ROOT, Source, read_sources


@cache
def repository() -> tuple[Source, ...]:
    return read_sources()


def assert_kept(breaches: Iterable[Breach]) -> None:
    found = [str(breach) for breach in breaches]
    assert not found, "\n" + "\n".join(found)


def test_the_rules_look_at_real_files() -> None:
    seen = {source.path.parts[0] for source in repository()}
    assert seen >= {"gateway", "plugins", "tests"}
    assert any(source.is_rules and source.room for source in repository())


def test_plugins_import_only_the_api_and_http() -> None:
    assert_kept(architecture.plugins_import_only_the_api(repository()))


def test_the_engine_names_plugins_only_in_its_registry() -> None:
    assert_kept(architecture.only_the_registry_names_plugins(repository()))


def test_rules_do_no_io_and_read_no_clock() -> None:
    assert_kept(architecture.rules_do_no_io(repository()))


def test_aiohttp_stays_in_its_rooms() -> None:
    assert_kept(architecture.aiohttp_stays_in_its_rooms(repository()))


def test_the_road_knows_no_control_plane() -> None:
    assert_kept(architecture.the_road_knows_no_control_plane(repository()))


def test_listener_and_upstream_do_not_know_each_other() -> None:
    assert_kept(architecture.the_two_ends_of_the_road_do_not_meet(repository()))


def test_every_source_file_has_its_mirrored_tests() -> None:
    assert_kept(architecture.every_file_has_its_tests(repository()))


def test_every_room_is_complete() -> None:
    files = (file for file in (ROOT / "plugins").rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    assert_kept(architecture.rooms_are_complete(PurePosixPath(file.relative_to(ROOT).as_posix()) for file in files))


def test_no_source_file_is_too_long() -> None:
    assert_kept(architecture.files_stay_short(repository()))


def test_plugins_start_no_bare_tasks() -> None:
    assert_kept(architecture.plugins_start_tasks_through_the_runtime(repository()))


def test_folders_of_tests_are_no_packages() -> None:
    assert_kept(architecture.folders_of_tests_are_no_packages(repository()))


BROKEN: list[tuple[Rule, str, str]] = [
    (architecture.plugins_import_only_the_api, "plugins/cache/plugin.py", "from gateway.worker import road"),
    (architecture.plugins_import_only_the_api, "plugins/cache/rules.py", "import gateway"),
    (architecture.plugins_import_only_the_api, "plugins/cache/rules.py", "from gateway import upstream"),
    (architecture.plugins_import_only_the_api, "plugins/cache/rules.py", "from gateway.httpx import fields"),
    (architecture.plugins_import_only_the_api, "plugins/cache/plugin.py", "import plugins.cors.rules"),
    (architecture.plugins_import_only_the_api, "plugins/cache/plugin.py", "from ..cors import rules"),
    (architecture.only_the_registry_names_plugins, "gateway/cli.py", "def f():\n    from plugins import cache"),
    (architecture.only_the_registry_names_plugins, "gateway/worker/road.py", "import_module('plugins.cache')"),
    (architecture.rules_do_no_io, "gateway/http/dates.py", "from time import monotonic"),
    (architecture.rules_do_no_io, "plugins/cache/freshness.py", "import asyncio"),
    (architecture.rules_do_no_io, "plugins/cache/stores/memory.py", "import redis.asyncio"),
    (architecture.aiohttp_stays_in_its_rooms, "gateway/listener/server.py", "from aiohttp import web"),
    (architecture.aiohttp_stays_in_its_rooms, "plugins/cache/settings.py", "import aiohttp"),
    (architecture.the_road_knows_no_control_plane, "gateway/worker/life.py", "from prometheus_client import core"),
    (architecture.the_road_knows_no_control_plane, "gateway/chain/compile.py", "from ruamel.yaml import YAML"),
    (architecture.the_road_knows_no_control_plane, "gateway/upstream/pool.py", "from ..supervisor import admin"),
    (architecture.the_two_ends_of_the_road_do_not_meet, "gateway/listener/http1.py", "import gateway.upstream.pool"),
    (architecture.the_two_ends_of_the_road_do_not_meet, "gateway/upstream/pool.py", "from gateway import listener"),
    (architecture.every_file_has_its_tests, "gateway/errors.py", "X = 1"),
    (architecture.files_stay_short, "gateway/errors.py", "\n" * 401),
    (architecture.plugins_start_tasks_through_the_runtime, "plugins/a/plugin.py", "asyncio.create_task(f())"),
    (architecture.plugins_start_tasks_through_the_runtime, "plugins/a/plugin.py", "start = loop.create_task"),
    (architecture.plugins_start_tasks_through_the_runtime, "plugins/a/plugin.py", "from asyncio import ensure_future"),
    (architecture.folders_of_tests_are_no_packages, "tests/gateway/__init__.py", ""),
]

ALLOWED: list[tuple[Rule, str, str]] = [
    (
        architecture.plugins_import_only_the_api,
        "plugins/cache/plugin.py",
        "from gateway.api import Plugin\nimport time",
    ),
    (architecture.plugins_import_only_the_api, "plugins/cache/plugin.py", "from gateway.http.fields import Fields"),
    (architecture.plugins_import_only_the_api, "plugins/cache/plugin.py", "from plugins.cache import freshness"),
    (architecture.plugins_import_only_the_api, "plugins/cache/plugin.py", "from .freshness import plan"),
    (architecture.only_the_registry_names_plugins, "gateway/chain/registry.py", "import plugins"),
    (architecture.rules_do_no_io, "plugins/cache/plugin.py", "import asyncio"),
    (architecture.rules_do_no_io, "gateway/http/dates.py", "import timeit_like.time"),
    (architecture.aiohttp_stays_in_its_rooms, "gateway/supervisor/admin.py", "import aiohttp_cors"),
    (architecture.aiohttp_stays_in_its_rooms, "plugins/cache/plugin.py", "import aiohttp"),
    (architecture.the_road_knows_no_control_plane, "gateway/supervisor/render.py", "import prometheus_client"),
    (architecture.the_two_ends_of_the_road_do_not_meet, "gateway/worker/road.py", "import gateway.listener.server"),
    (architecture.every_file_has_its_tests, "gateway/__main__.py", "X = 1"),
    (architecture.files_stay_short, "gateway/errors.py", "\n" * 400),
    (
        architecture.plugins_start_tasks_through_the_runtime,
        "plugins/a/plugin.py",
        "async def f():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(g())",
    ),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_points_at_the_line_that_breaks_it(rule: Rule, path: str, text: str) -> None:
    (breach, *more) = rule([Source.of(path, text)])
    assert not more
    last_line = max(1, len(text.splitlines()))
    assert str(breach).startswith(f"{path}:{last_line}: ")


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_a_rule_lets_pass_what_is_meant_to_be(rule: Rule, path: str, text: str) -> None:
    assert_kept(rule([Source.of(path, text)]))


def test_a_mirrored_file_without_a_test_in_it_does_not_count() -> None:
    source = Source.of("plugins/cache/freshness.py", "X = 1")
    empty = Source.of("tests/plugins/cache/test_freshness.py", "def helper() -> None: ...")
    real = Source.of("tests/plugins/cache/test_freshness.py", "def test_it() -> None: ...")
    assert len(list(architecture.every_file_has_its_tests([source, empty]))) == 1
    assert_kept(architecture.every_file_has_its_tests([source, real]))


def test_a_room_without_its_manual_is_incomplete() -> None:
    room = PurePosixPath("plugins/cache")
    (breach,) = architecture.rooms_are_complete([room / "plugin.py", room / "settings.py", room / "stores/memory.py"])
    assert breach.path == room / "README.md"


def test_the_packages_of_the_repository_are_all_looked_at() -> None:
    with_python = {file.relative_to(ROOT).parts[0] for file in ROOT.glob("*/**/*.py") if not _is_hidden(file)}
    assert with_python <= {*PACKAGES, "build", "dist"}


def _is_hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(ROOT).parts)

"""What people install: the wheel, and the packages the lock files pin."""

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support.lock import Requirement, parse_lock
from tests.support.source import ROOT

PACKAGES = ("gateway", "plugins")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_every_file_of_both_packages(wheel: zipfile.ZipFile) -> None:
    files = {file for package in PACKAGES for kind in ("py", "md") for file in (ROOT / package).rglob(f"*.{kind}")}
    assert files
    assert {file.relative_to(ROOT).as_posix() for file in files} <= set(wheel.namelist())


def test_the_wheel_holds_nothing_but_the_packages_and_its_metadata(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {*PACKAGES}
    assert not any("__pycache__" in name for name in wheel.namelist())


def test_the_wheel_tells_type_checkers_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_the_wheel_installs_the_slipstream_command(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "slipstream = gateway.cli:main" in wheel.read(name).decode()


def test_the_wheel_asks_for_what_the_project_declares(wheel: zipfile.ZipFile) -> None:
    described = metadata(wheel)
    assert described["Name"] == "slipstream-gateway"
    assert described["Requires-Python"] == ">=3.11"
    wanted = {name_of(dependency) for dependency in PROJECT["project"]["dependencies"]}
    assert {name_of(line) for line in described.get_all("Requires-Dist", [])} == wanted


def name_of(requirement: str) -> str:
    """The name in a requirement, normalised as package indexes do."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def read_lock(name: str) -> list[Requirement]:
    return parse_lock((ROOT / "requirements" / f"{name}.txt").read_text("utf-8"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_every_package_with_hashes_and_names_no_host(lock: Path) -> None:
    requirements = parse_lock(lock.read_text("utf-8"))
    assert requirements
    assert [requirement.name for requirement in requirements if not requirement.hashes] == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example/simple",
        "--find-links ./wheels",
        "uvloop>=0.22",
        "uvloop @ https://packages.example/uvloop.whl",
        "# from https://packages.example/simple",
    ],
)
def test_a_lock_with_anything_but_pins_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a pin"):
        parse_lock(f"idna==3.20 \\\n    --hash=sha256:{'0' * 64}\n{line}\n")


def test_a_pin_without_hashes_is_seen() -> None:
    (requirement,) = parse_lock("idna==3.20\n")
    assert requirement.hashes == 0


def test_the_runtime_lock_covers_what_the_project_declares() -> None:
    pinned = {requirement.name for requirement in read_lock("runtime")}
    assert {name_of(dependency) for dependency in PROJECT["project"]["dependencies"]} <= pinned


@pytest.mark.parametrize("group", ["build", "dev", "load", "lock"])
def test_the_lock_of_a_group_covers_the_group(group: str) -> None:
    pinned = {requirement.name for requirement in read_lock(group)}
    declared = [entry for entry in PROJECT["dependency-groups"][group] if isinstance(entry, str)]
    assert {name_of(dependency) for dependency in declared} <= pinned


def test_all_locks_agree_on_versions() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for requirement in parse_lock(lock.read_text("utf-8")):
            versions.setdefault(requirement.name, set()).add(requirement.version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}

"""What `make` does before anything of the gateway runs."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.source import ROOT


def test_make_help_lists_every_target() -> None:
    make = shutil.which("make")
    assert make, "make is needed to run the tests of the repository"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    listed = subprocess.run([make, "help"], cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    targets = {line.split()[1] for line in listed.stdout.splitlines()}
    assert targets == {"bench", "check", "clean", "demo", "help", "load", "lock", "run", "soak", "test"}


def test_an_interpreter_that_does_not_run_is_refused_by_name(tmp_path: Path) -> None:
    impostor = tmp_path / "python3.14"
    impostor.write_text("#!/bin/sh\nexit 127\n")
    impostor.chmod(0o755)
    outcome = run_script("create-venv", str(tmp_path / "venv"), str(impostor))
    assert outcome.returncode == 1
    assert str(impostor) in outcome.stderr
    assert not (tmp_path / "venv").exists()


def test_missing_commands_are_named_with_their_packages_where_they_cannot_be_installed(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    outcome = run_script("debian-packages", "sh=dash", "no-such-command=no-such-package", PATH=path)
    assert outcome.returncode == 1
    assert "no-such-package" in outcome.stderr
    assert "dash" not in outcome.stderr


def test_nothing_is_missing_where_every_command_exists() -> None:
    outcome = run_script("debian-packages", "sh=dash")
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "", "")


def run_script(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / name), *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)

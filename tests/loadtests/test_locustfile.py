"""The locust file fits the origin; read as text, since locust is installed for load runs alone."""

import ast
from pathlib import Path

from loadtests.origin.routes import NotFound, answer
from loadtests.support.processes import ROOT

SOURCE = (ROOT / "loadtests" / "locustfile.py").read_text()
CALLS = {"get", "post", "fetch"}


def targets(source: str) -> list[str]:
    """First arguments of the calls that ask something; a placeholder in one becomes 1."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CALLS
            and node.args
        ):
            match node.args[0]:
                case ast.Constant(value=str(target)):
                    found.append(target)
                case ast.JoinedStr(values=parts):
                    found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in parts))
    return [target for target in found if target.startswith("/")]


def test_the_origin_knows_every_target() -> None:
    asked = targets(SOURCE)
    assert len(asked) >= 8
    assert [target for target in asked if isinstance(answer(target), NotFound)] == []


def test_a_target_the_origin_does_not_know_would_be_found() -> None:
    (target,) = targets('self.fetch("/nowhere", 1, "x")')
    assert isinstance(answer(target), NotFound)


def test_it_can_be_started_from_anywhere() -> None:
    assert Path(ROOT, "loadtests", "__init__.py").is_file()

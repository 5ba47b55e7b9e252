"""Pydantic's errors in plain words, at the place in the data that caused them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.config.base import SettingError, Settings
from gateway.config.mistakes import Path, Problem, did_you_mean, printable

_ABSENT = object()
_MOST_ERRORS = 200
_EXAMPLES: dict[Path, str] = {("upstreams",): "write upstreams: {app: {servers: [http://127.0.0.1:8000]}}"}
"""What to write for a key that no file can do without."""
_MESSAGES = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping of keys to values",
    "float_type": "must be a number",
    "frozen_set_type": "must be a list",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "model_attributes_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "multiple_of": "must be a multiple of {multiple_of}",
    "set_type": "must be a list",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be a text",
    "too_long": "must have at most {max_length} items",
    "too_short": "must have at least {min_length} items",
    "tuple_type": "must be a list",
}


def problems_of(error: ValidationError, data: object, model: type[Settings], base: Path = ()) -> list[Problem]:
    """The problems behind `error`, which validating `data` as `model` raised. `base` is where `data` stands."""
    details = [each for each in error.errors(include_url=False) if not _is_shortened(each)]
    located = [(each, *_locate(each["loc"], data)) for each in details[:_MOST_ERRORS]]
    problems: dict[tuple[Path, bool], Problem] = {}
    for each, path, branch in located:
        if branch is not None and any(_is_deeper(other, path, branch) for _, *other in located):
            continue  # another branch of the same union got further, so it is the one that was meant
        problem = _problem(each, path, data, model)
        place = (problem.path, branch is not None)
        earlier = problems.get(place)
        if earlier is not None and branch is not None and earlier.message != problem.message:
            joined = f"{earlier.message} or {problem.message.removeprefix('must be ')}"
            problem = Problem(problem.path, joined, earlier.hint or problem.hint)
        problems[place] = problem
    return [Problem(base + each.path, each.message, each.hint, each.at_key) for each in problems.values()]


def _locate(location: Sequence[str | int], data: object) -> tuple[Path, Path | None]:
    """Where `location` points to in `data`, and below which path a union branched.

    Pydantic's locations also name branches of unions, and keys that a validator made up; `data` has neither."""
    path: Path = ()
    branch: Path | None = None
    for index, step in enumerate(location):
        inner = _child(data, step)
        is_missing_key = isinstance(data, Mapping) and index == len(location) - 1 and step != "[key]"
        if inner is _ABSENT and step == 0:
            continue  # a validator made a list of one of it
        if inner is _ABSENT and not is_missing_key:
            branch = path if branch is None else branch
        else:
            path, data = (*path, step), inner
    return path, branch


def _child(data: object, step: str | int) -> object:
    """What is at `step` in `data`, or `_ABSENT`."""
    if isinstance(data, Mapping):
        return data.get(step, _ABSENT)
    if isinstance(data, list | tuple) and isinstance(step, int) and step < len(data):
        return data[step]
    return _ABSENT


def _is_shortened(error: ErrorDetails) -> bool:
    """Whether a list is called too short only because the items that are wrong were not counted."""
    given = error["input"]
    return error["type"] == "too_short" and isinstance(given, list) and len(given) >= error["ctx"]["min_length"]


def _is_deeper(other: Sequence[Any], path: Path, branch: Path) -> bool:
    other_path, other_branch = other
    return other_branch == branch and len(other_path) > len(path)


def _problem(error: ErrorDetails, path: Path, data: object, model: type[Settings]) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        keys = sorted(_known_keys(model, path[:-1]))
        return Problem(path, "unknown key", did_you_mean(str(path[-1]), keys, "known keys"), at_key=True)
    if kind == "missing":
        return Problem(path, "is missing", _EXAMPLES.get(path))
    cause = context.get("error")
    if isinstance(cause, SettingError):
        at_key = error["loc"][-1:] == ("[key]",)
        return Problem(_step_down(path, cause.at, data), cause.message, cause.hint, at_key)
    if isinstance(cause, Exception):
        return Problem(path, str(cause) or "is not accepted")
    if error["input"] is None:
        return Problem(path, "has no value", "remove the key to get its default")
    if kind in ("too_short", "too_long") and isinstance(error["input"], str):
        kind = f"string_{kind}"  # a secret
    if kind in ("too_short", "string_too_short") and context["min_length"] == 1:
        return Problem(path, "must not be empty")
    message = _MESSAGES.get(kind)
    if message is not None:
        words = {name: _amount(value) for name, value in context.items()}
        hint = "put it in quotes" if kind == "string_type" and isinstance(error["input"], int | float) else None
        if kind == "int_type" and isinstance(error["input"], str) and error["input"].isdecimal():
            hint = "remove the quotes"
        return Problem(path, message.format_map(words), hint)
    return Problem(path, error["msg"].replace("Input should be", "must be").removeprefix("Input "))


def _step_down(path: Path, at: Path, data: object) -> Path:
    """`path` and the steps of `at` below it, as far as `data` really has them."""
    for step in path:
        data = _child(data, step)
    for step in at:
        data = _child(data, step)
        if data is _ABSENT:
            break
        path = (*path, step)
    return path


def _amount(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "zero" if value == 0 else f"{value:.15g}"
    return printable(str(value))


def _known_keys(model: type[Settings], path: Path) -> set[str]:
    """Keys that the settings at `path` below `model` understand."""
    models: set[type[Settings]] = {model}
    for step in path:
        fields = [each.model_fields[step] for each in models if step in each.model_fields]
        if fields:
            models = {found for field in fields for found in _models_in(field.annotation)}
    return {field.alias or name for each in models for name, field in each.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[Settings]]:
    """Settings classes that `annotation` mentions, at any depth of lists, mappings and unions."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
    parts: Iterable[Any] = get_args(annotation)
    for part in parts:
        yield from _models_in(part)

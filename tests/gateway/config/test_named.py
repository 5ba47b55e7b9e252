from collections.abc import Mapping

import pytest
from pydantic import Field

from gateway.config import ConfigError, Settings, load_text
from gateway.config.named import UpstreamName, unknown_upstreams


class Deep(Settings):
    """Names at every depth."""

    here: UpstreamName | None = None
    """One."""
    several: tuple[UpstreamName, ...] = ()
    """Some."""
    by_name: Mapping[str, UpstreamName] = Field(default_factory=dict)
    """More."""
    other: str = "nowhere"
    """A text that names nothing."""


def test_every_name_that_is_none_of_the_files_is_told_with_its_place() -> None:
    settings = Deep.model_validate({"here": "app", "several": ["app", "ap"], "by_name": {"x": "rest"}})
    problems = unknown_upstreams(settings, ["app"], ("plugins", 0, "deep"))
    assert [(problem.path, problem.message) for problem in problems] == [
        (("plugins", 0, "deep", "several", 1), "there is no such upstream"),
        (("plugins", 0, "deep", "by_name", "x"), "there is no such upstream"),
    ]
    assert problems[0].hint is not None
    assert "'app'" in problems[0].hint


def test_names_that_exist_are_plain_texts_to_whoever_reads_the_settings() -> None:
    settings = Deep.model_validate({"here": "app"})
    assert settings.here == "app"
    assert not unknown_upstreams(settings, ["app"], ())


def test_without_upstreams_something_else_is_wrong() -> None:
    assert not unknown_upstreams(Deep.model_validate({"here": "ap"}), [], ())


UPSTREAM = "upstreams: {app: {servers: http://a}}\n"


def resolve(name: str) -> type[Settings]:
    return Deep


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("plugins:\n  - deep:\n      here: ap\n", ":4:13: plugins.deep.here"),
        ("plugins: [deep: {}]\nroutes:\n  - plugins:\n      deep: {here: ap}\n", ":5:20: routes[0].plugins.deep.here"),
    ],
)
def test_a_file_that_names_an_unknown_upstream_is_refused_where_it_does(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(UPSTREAM + text, resolve)
    assert place in str(refused.value)
    assert "did you mean 'app'?" in str(refused.value)
    assert str(refused.value).count("no such upstream") == 1


def test_a_mistake_of_the_global_list_is_not_told_again_for_each_route() -> None:
    text = "plugins: [deep: {here: ap}]\nroutes:\n  - plugins: {deep: {other: here}}\n"
    with pytest.raises(ConfigError) as refused:
        load_text(UPSTREAM + text, resolve)
    assert str(refused.value).count("no such upstream") == 1

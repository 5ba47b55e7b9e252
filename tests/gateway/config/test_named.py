from collections.abc import Mapping

import pytest
from pydantic import Field

from gateway.config import ConfigError, Settings, load_text
from gateway.config.named import SharedBy, Surroundings, UpstreamName, loose_ends


class Deep(Settings):
    """Names at every depth."""

    here: UpstreamName | None = None
    """One."""
    several: tuple[UpstreamName, ...] = ()
    """Some."""
    by_name: Mapping[str, UpstreamName] = Field(default_factory=dict)
    """More."""
    share: SharedBy = SharedBy.WORKERS
    """Who has it in common."""
    other: str = "nowhere"
    """A text that names nothing."""


def test_every_name_that_is_none_of_the_files_is_told_with_its_place() -> None:
    settings = Deep.model_validate({"here": "app", "several": ["app", "ap"], "by_name": {"x": "rest"}})
    problems = loose_ends(settings, Surroundings(["app"]), ("plugins", 0, "deep"))
    assert [(problem.path, problem.message) for problem in problems] == [
        (("plugins", 0, "deep", "several", 1), "there is no such upstream"),
        (("plugins", 0, "deep", "by_name", "x"), "there is no such upstream"),
    ]
    assert problems[0].hint is not None
    assert "'app'" in problems[0].hint


def test_names_that_exist_are_plain_texts_to_whoever_reads_the_settings() -> None:
    settings = Deep.model_validate({"here": "app"})
    assert settings.here == "app"
    assert not loose_ends(settings, Surroundings(["app"]), ())


def test_without_upstreams_something_else_is_wrong() -> None:
    assert not loose_ends(Deep.model_validate({"here": "ap"}), Surroundings(), ())


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


@pytest.mark.parametrize("redis", ["", "redis: off\n"])
def test_what_is_shared_by_redis_needs_one(redis: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(f"{redis}{UPSTREAM}plugins:\n  - deep:\n      share: redis\n", resolve)
    assert "plugins.deep.share: needs to know where Redis is" in str(refused.value)
    assert "redis: redis://HOST:6379" in str(refused.value)


def test_with_one_it_is_shared() -> None:
    text = f"redis: redis://127.0.0.1:6379\n{UPSTREAM}plugins: [deep: {{share: redis}}]\n"
    (use,) = load_text(text, resolve).routes[0].plugins
    assert use.settings == Deep(share=SharedBy.REDIS)
    assert load_text(f"{UPSTREAM}plugins: [deep: {{share: workers}}]\n", resolve).routes

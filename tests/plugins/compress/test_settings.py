from typing import Any

import pytest
from pydantic import ValidationError

from plugins.compress.settings import Coding, CompressSettings


def test_nothing_has_to_be_said() -> None:
    settings = CompressSettings()
    assert settings.prefer == (Coding.ZSTD, Coding.BR, Coding.GZIP)
    assert (settings.skip_cookies, settings.jitter) == (False, 0)


def test_one_value_stands_for_a_list_of_one() -> None:
    settings = CompressSettings.model_validate({"prefer": "br", "types": "text/*"})
    assert (settings.prefer, settings.types) == ((Coding.BR,), ("text/*",))


@pytest.mark.parametrize(
    "mistake",
    [
        {"prefer": []},
        {"prefer": ["br", "br"]},
        {"prefer": ["deflate"]},
        {"types": ["html"]},
        {"types": ["*/html"]},
        {"types": ["text/h*l"]},
        {"min_size": -1},
        {"threads": 0},
        {"waiting": 0},
        {"decode_ratio": 1},
        {"popular_after": 0},
        {"flush_after": "11s"},
        {"jitter": "5KiB"},
        {"origin_sees": "gzip"},
        {"zstd": {"level": 20}},
        {"br": {"level": 12}},
        {"gzip": {"level": 0}},
        {"level": 5},
    ],
)
def test_what_cannot_work_is_refused(mistake: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CompressSettings.model_validate(mistake)


@pytest.mark.parametrize("types", [["*/*"], ["*/*+json"], ["Text/HTML"], ["application/vnd.api+json"]])
def test_types_may_have_wildcards_and_any_case(types: list[str]) -> None:
    settings = CompressSettings.model_validate({"types": types})
    assert settings.types == tuple(text.lower() for text in types)


def test_they_survive_the_way_to_a_worker() -> None:
    settings = CompressSettings.model_validate({"popular_after": "off", "prefer": ["gzip"], "busy_after": "50ms"})
    assert CompressSettings.model_validate_json(settings.model_dump_json()) == settings

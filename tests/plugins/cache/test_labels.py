import pytest

from plugins.cache.labels import group_label, labels_of, strings_of
from tests.support.plugins import fields_of, make_request

request = make_request()


def labels(*lines: tuple[str, str]) -> set[bytes]:
    return set(labels_of(request, fields_of(lines)))


def test_tags_come_from_three_fields() -> None:
    assert labels(("Cache-Tag", "a, b c,,"), ("Surrogate-Key", "d  e"), ("Surrogate-Key", "f")) == {
        b"a",
        b"b c",
        b"d",
        b"e",
        b"f",
    }
    assert labels() == set()


def test_a_group_is_a_tag_and_belongs_to_its_site() -> None:
    assert labels(("Cache-Groups", '"news";revalidate, "home"')) == {
        b"news",
        b"home",
        b"group http://shop.example news",
        b"group http://shop.example home",
    }
    other = make_request(authority="other.example")
    assert group_label(other, b"news") != group_label(request, b"news")


@pytest.mark.parametrize("value", ["news", '("news")', '"news', '"news", 1', "", '"a" "b"'])
def test_what_is_no_list_of_strings_names_no_group(value: str) -> None:
    assert strings_of(value.encode()) == ()
    assert labels(("Cache-Groups", value)) == set()


def test_a_site_is_the_same_however_its_host_is_written() -> None:
    assert group_label(make_request(authority="SHOP.example:80"), b"a") == group_label(request, b"a")

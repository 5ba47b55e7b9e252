import pytest

from plugins.cache.selection import EVERYTHING, ByKey, ByPrefix, ByRoute, ByTag, ByUrl, Selector
from tests.support.stored_responses import stored_response

KEY = b"http://shop.example/a?b\nlang=de"


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        (ByKey(KEY), True),
        (ByKey(b"http://shop.example/a?b"), False),
        (ByUrl(b"http://shop.example/a?b"), True),
        (ByUrl(b"http://shop.example/a"), False),
        (ByUrl(KEY), False),
        (ByPrefix(b"http://shop.example/"), True),
        (ByPrefix(b"http://other.example/"), False),
        (ByTag(b"red"), True),
        (ByTag(b"re"), False),
        (ByRoute("shop"), True),
        (ByRoute(""), False),
        (EVERYTHING, True),
    ],
)
def test_a_selector_means_what_it_says(selector: Selector, meant: bool) -> None:
    assert selector.matches(stored_response(KEY, variant=b"any", tags=[b"red", b"blue"], route="shop")) is meant

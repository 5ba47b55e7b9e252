from plugins.cache.urls import UrlIndex

URL = b"http://shop.example/"


def test_the_keys_of_a_url_are_those_that_begin_with_it_and_go_on_in_another_line() -> None:
    index = UrlIndex()
    for key in (URL, URL + b"\nlang=de", URL + b"\nlang=en", URL + b"x", URL + b"x\nlang=de"):
        index.add(key)
    assert sorted(index.keys(URL)) == [URL + b"\nlang=de", URL + b"\nlang=en"]
    assert index.keys(b"http://shop.example") == []


def test_a_key_that_is_a_url_takes_no_memory() -> None:
    index = UrlIndex()
    index.add(URL)
    assert index.octets == 0
    index.discard(URL)


def test_an_index_that_has_forgotten_everything_takes_no_memory() -> None:
    index = UrlIndex()
    keys = [URL + b"\n%d" % number for number in range(5)]
    for key in keys:
        index.add(key)
    assert index.octets > 0
    for key in keys:
        index.discard(key)
    assert (index.octets, index.keys(URL)) == (0, [])

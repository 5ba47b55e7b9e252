from html.parser import HTMLParser

from gateway.supervisor.page import ENTRIES, index


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs)["href"])


def test_everything_that_can_be_got_is_a_link() -> None:
    links = Links()
    links.feed(index("1.0"))
    assert links.found == [path for method, path, _ in ENTRIES if method == "GET"]


def test_the_version_is_text_and_nothing_else() -> None:
    assert "<b>" not in index("<b>")

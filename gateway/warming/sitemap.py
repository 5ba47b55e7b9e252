"""Sitemaps (the protocol of sitemaps.org): lists of pages, lists of sitemaps, in XML or as plain text.

XML is read by expat as it arrives, so a document takes no more memory than its URLs. Nothing is ever fetched, replaced
or expanded on its account: a document type is refused, and without one there are no entities but XML's own five."""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

from gateway.warming.urls import LONGEST_URL

DEEPEST = 16
"""Elements within elements: a sitemap has three or four."""
_USUAL_PRIORITY = 0.5
_NAMESPACE_END = "}"


class SitemapError(ValueError):
    """That is no sitemap; the text says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """A URL in a sitemap, as it stands there."""

    url: str
    priority: float = _USUAL_PRIORITY
    """From 0 to 1, what the site says."""


class SitemapReader:
    """Reads one sitemap, piece by piece."""

    def __init__(self, most: int) -> None:
        """`most` is how many URLs are taken; what is beyond them is left out."""
        self.pages: list[Page] = []
        self.sitemaps: list[str] = []
        """Further ones that this one names."""
        self.left_out = 0
        """URLs beyond `most`."""
        self._most = most
        self._begin = b""
        self._text: bytes | None = None
        self._path: list[str] = []
        self._written: list[str] | None = None
        self._length = 0
        self._location = ""
        self._priority = _USUAL_PRIORITY
        self._xml: expat.XMLParserType | None = None

    def feed(self, data: bytes) -> None:
        """The next octets. Raises SitemapError."""
        if self._xml is not None:
            self._parse(data)
        elif self._text is not None:
            self._read_lines(self._text + data)
        else:
            self._begin += data
            begun = self._begin.removeprefix(b"\xef\xbb\xbf").lstrip()
            if not begun:
                return
            self._begin = b""
            if begun[:1] == b"<" or begun[:2] in (b"\xff\xfe", b"\xfe\xff"):
                self._xml = self._parser()
                self._parse(begun)
            else:
                self._read_lines(begun)

    def finish(self) -> None:
        """That was all. Raises SitemapError when it is not a whole sitemap."""
        if self._xml is not None:
            self._parse(b"", final=True)
        elif self._text:
            self._read_lines(self._text + b"\n")
        elif self._text is None:
            raise SitemapError("is empty")

    # --- text: one URL a line ---------------------------------------------------------------------

    def _read_lines(self, data: bytes) -> None:
        *whole, self._text = data.split(b"\n")
        if len(self._text) > LONGEST_URL:
            raise SitemapError("is no sitemap: neither XML nor lines of text")
        for line in whole:
            try:
                url = line.decode().strip()
            except UnicodeDecodeError:
                raise SitemapError("is not in UTF-8") from None
            if url:
                self._add(Page(url))

    # --- XML --------------------------------------------------------------------------------------

    def _parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator=_NAMESPACE_END)
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.EntityDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._element
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        return parser

    def _parse(self, data: bytes, *, final: bool = False) -> None:
        assert self._xml is not None
        try:
            self._xml.Parse(data, final)
        except expat.ExpatError as error:
            raise SitemapError(f"is not well-formed: {error}") from None
        except (LookupError, ValueError) as error:  # an encoding nobody knows
            raise SitemapError(str(error)) from None

    def _refuse_doctype(self, *_: object) -> None:
        raise SitemapError("has a document type, which sitemaps do not have")

    def _element(self, name: str, _attributes: object) -> None:
        own = name.rpartition(_NAMESPACE_END)[2]
        if not self._path and own not in ("urlset", "sitemapindex"):
            raise SitemapError(f"is no sitemap: its root is {own[:40]!r}")
        self._path.append(own)
        if len(self._path) > DEEPEST:
            raise SitemapError(f"has elements more than {DEEPEST} deep")
        if self._path[1:] in (["url"], ["sitemap"]):
            self._location, self._priority = "", _USUAL_PRIORITY
        elif self._path[1:] in (["url", "loc"], ["sitemap", "loc"], ["url", "priority"]):
            self._written, self._length = [], 0

    def _characters(self, text: str) -> None:
        if self._written is not None:
            self._length += len(text)
            if self._length <= LONGEST_URL:
                self._written.append(text)

    def _end(self, _name: str) -> None:
        path = self._path[1:]
        self._path.pop()
        if self._written is not None and len(path) == 2:
            text = "".join(self._written).strip() if self._length <= LONGEST_URL else ""
            self._written = None
            if path[1] == "loc":
                self._location = text
            else:
                self._priority = _priority(text)
        elif path == ["url"] and self._location:
            self._add(Page(self._location, self._priority))
        elif path == ["sitemap"] and self._location:
            if len(self.sitemaps) < self._most:
                self.sitemaps.append(self._location)
            else:
                self.left_out += 1

    def _add(self, page: Page) -> None:
        if len(self.pages) < self._most:
            self.pages.append(page)
        else:
            self.left_out += 1


def _priority(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return _USUAL_PRIORITY
    return number if 0.0 <= number <= 1.0 else _USUAL_PRIORITY

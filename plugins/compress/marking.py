"""What the fields of an answer say once its content is in another form."""

from __future__ import annotations

from gateway.api import Fields
from gateway.http.content_coding import add_vary
from gateway.http.fields import Entry
from gateway.http.validators import parse_entity_tag
from plugins.compress.forms import Form, mark

ACCEPT_ENCODING = b"Accept-Encoding"
DIGESTS = frozenset({b"content-digest", b"content-md5", b"digest", b"repr-digest"})
"""They are about the octets of the content or of the representation, coding included (RFC 9530 §2, §3)."""
_ABOUT_OTHER_OCTETS = DIGESTS | {b"accept-ranges", b"content-encoding"}


def described(fields: Fields, form: Form) -> Fields:
    """The fields of an answer once it is in a form other than as it is. Those given stay as they are.

    No digest of other octets, no offer of parts (of coded content none are given), its coding, its own strong tag.
    Made in one pass: with a change for each of these it would cost as much as compressing a small page."""
    entries: list[Entry] = []
    tags: list[int] = []
    for entry in fields.entries:
        name = entry[0]
        if name in _ABOUT_OTHER_OCTETS:
            continue
        if name == b"etag":
            tags.append(len(entries))
        entries.append(entry)
    if len(tags) == 1 and (tag := parse_entity_tag(entries[tags[0]][2])) is not None:
        entries[tags[0]] = _entry(b"ETag", mark(tag, form).encode())
    coding = form.content_coding
    if coding is not None:
        entries.append(_CODED[coding])
    made = Fields.received(entries, None)
    add_vary(made, ACCEPT_ENCODING)
    return made


def _entry(name: bytes, value: bytes) -> Entry:
    return Fields([(name, value)]).entries[0]


_CODED = {coding: _entry(b"Content-Encoding", coding) for form in Form if (coding := form.content_coding) is not None}


def retag(fields: Fields, form: Form) -> None:
    """Change the entity tag, where there is one, to that of a form."""
    value = fields.get(b"etag")
    if value is None:
        return
    tag = parse_entity_tag(value)
    if tag is not None:
        marked = mark(tag, form)
        if marked is not tag:
            fields.set(b"ETag", marked.encode())


def trailers_for_other_octets(trailers: Fields | None) -> Fields | None:
    """Trailers without digests of what the content was before."""
    if trailers is None or DIGESTS.isdisjoint(name.lower() for name, _ in trailers):
        return trailers
    kept = trailers.copy()
    kept.remove_any(DIGESTS)
    return kept

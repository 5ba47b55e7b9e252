"""What the fields of an answer say once its content is in another form."""

from __future__ import annotations

from gateway.api import Fields
from gateway.http.content_coding import add_vary
from gateway.http.validators import parse_entity_tag
from plugins.compress.forms import Form, mark

ACCEPT_ENCODING = b"Accept-Encoding"
DIGESTS = frozenset({b"content-digest", b"content-md5", b"digest", b"repr-digest"})
"""They are about the octets of the content or of the representation, coding included (RFC 9530 §2, §3)."""
_ABOUT_OTHER_OCTETS = DIGESTS | {b"accept-ranges", b"content-encoding"}


def describe(fields: Fields, form: Form) -> None:
    """Change the fields of an answer to fit a form other than as it is.

    No digest of other octets, no offer of parts (of coded content none are given), its coding, its own strong tag."""
    fields.remove_any(_ABOUT_OTHER_OCTETS)
    coding = form.content_coding
    if coding is not None:
        fields.add(b"Content-Encoding", coding)
    retag(fields, form)
    add_vary(fields, ACCEPT_ENCODING)


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

"""The forms in which a client may have got a representation, and the entity tags that tell them apart.

Coded content is another representation than the content as it is, so a strong entity tag needs a mark (RFC 9110
§8.8.3.3): `"abc"` goes out as `"abc-br"`, and comes back in a condition. Every tag passes here both ways, so a tag of
the origin's that ends like one of ours gets a mark of its own, and what comes back always means one thing.

Weak tags stay as they are: by their own word they are the same for whatever means the same."""

from __future__ import annotations

from enum import Enum

from gateway.http.validators import EntityTag
from plugins.compress.settings import Coding


class Form(Enum):
    """What was made of what the origin sent."""

    AS_IS = "as_is"
    """Nothing: it is in the coding that the origin chose, mostly none."""
    ZSTD = "zstd"
    BR = "br"
    GZIP = "gzip"
    PLAIN = "plain"
    """Decoded."""

    @property
    def content_coding(self) -> bytes | None:
        """What Content-Encoding says of it; `None` for nothing."""
        return _NAMES.get(self)


FORM_OF = {Coding.ZSTD: Form.ZSTD, Coding.BR: Form.BR, Coding.GZIP: Form.GZIP}
"""Coding → the form that it gives."""
_NAMES = {form: coding.value.encode() for coding, form in FORM_OF.items()}
_MARKS = {Form.ZSTD: b"-zstd", Form.BR: b"-br", Form.GZIP: b"-gzip", Form.PLAIN: b"-id", Form.AS_IS: b"-as"}
_ENDINGS = tuple(_MARKS.values())
_FORMS = {mark: form for form, mark in _MARKS.items()}


def mark(tag: EntityTag, form: Form) -> EntityTag:
    """The tag that a client gets for that form of what the origin tagged `tag`."""
    if tag.weak or form is Form.AS_IS:
        return EntityTag(tag.opaque + _MARKS[Form.AS_IS], tag.weak) if tag.opaque.endswith(_ENDINGS) else tag
    return EntityTag(tag.opaque + _MARKS[form], False)


def unmark(tag: EntityTag) -> tuple[EntityTag, Form]:
    """The origin's tag, and the form of it that the client has. The reverse of `mark`.

    A weak tag may have a mark too: proxies in front weaken tags of content that they change."""
    if not tag.opaque.endswith(_ENDINGS):
        return tag, Form.AS_IS
    opaque, dash, end = tag.opaque.rpartition(b"-")
    return EntityTag(opaque, tag.weak), _FORMS[dash + end]

"""The conditions of a request, in the words of the origin (RFC 9110 §13), and the answer's, in those of the client.

A client that has a coded form asks with the tag of that form. What is behind this plugin knows one form only, so the
marks are taken off on the way in. A tag of a form that the client does not accept now is left out of If-None-Match: a
304 would tell it to use what it cannot, and the answer is then the whole."""

from __future__ import annotations

from collections.abc import Collection

from gateway.api import SAFE_METHODS, Fields
from gateway.http.validators import ANY, EntityTag, parse_entity_tag, parse_entity_tag_list
from plugins.compress.forms import Form, mark, unmark

_UNCODED = (Form.PLAIN, Form.AS_IS)


def has_conditions(fields: Fields) -> bool:
    """Whether a request has a condition with tags."""
    return b"if-none-match" in fields or b"if-match" in fields or b"if-range" in fields


def send_inward(method: str, fields: Fields, acceptable: Collection[Form]) -> None:
    """Change the conditions of a request as it goes inward. `acceptable`: the forms that its client can use."""
    value = fields.get(b"if-none-match")
    if value is not None:
        _send_none_match(fields, value, acceptable if method in SAFE_METHODS else frozenset(Form))
    value = fields.get(b"if-match")
    if value is not None:
        tags = parse_entity_tag_list(value)
        if tags is not None and tags is not ANY:
            _write(fields, b"If-Match", value, [unmark(tag)[0] for tag in tags])
    value = fields.get(b"if-range")
    if value is not None:
        _send_range(fields, value)


def _send_none_match(fields: Fields, value: bytes, acceptable: Collection[Form]) -> None:
    tags = parse_entity_tag_list(value)
    if tags is None or tags is ANY:
        return
    read = [unmark(tag) for tag in tags]
    kept = [tag for tag, form in read if form in acceptable or form in _UNCODED]
    if kept:
        _write(fields, b"If-None-Match", value, kept)
    else:  # nothing that the client has would do, and a date must not say otherwise (§13.1.3)
        fields.remove_any(frozenset({b"if-none-match", b"if-modified-since"}))


def _send_range(fields: Fields, value: bytes) -> None:
    tag = parse_entity_tag(value)
    if tag is None:
        return
    bare, form = unmark(tag)
    if form is not Form.AS_IS:  # it has a part of a form of which no parts are given: the whole, then
        fields.remove_any(frozenset({b"if-range", b"range"}))
    elif bare != tag:
        fields.set(b"If-Range", bare.encode())


def _write(fields: Fields, name: bytes, value: bytes, tags: list[EntityTag]) -> None:
    written = b", ".join([tag.encode() for tag in dict.fromkeys(tags)])
    if written != value:
        fields.set(name, written)


def tag_of_304(
    asked: Fields, current: EntityTag, acceptable: Collection[Form], certain: Form | None
) -> tuple[EntityTag, Form | None]:
    """The tag for a 304 whose tag was `current`, and the form that it is about, `None` when that cannot be known.

    `asked` are the fields of the request as it came; `acceptable` the forms that its client can use, the best one
    first; `certain` is the only form there is, `None` when there are several. The tag is the one that the client has.
    Where it named none that fits (it asked with a date, or with `*`) it may have any of the forms, so the tag is
    weakened: by a strong one a cache would take what it has for octets of another form."""
    if current.weak:
        return mark(current, Form.AS_IS), None
    tags = parse_entity_tag_list(asked.get(b"if-none-match") or b"")
    if tags is not None and tags is not ANY:
        has = {form for tag, form in map(unmark, tags) if tag.weakly_equals(current)}
        for form in (*acceptable, *_UNCODED):
            if form in has:
                return mark(current, form), form
    if certain is not None:
        return mark(current, certain), certain
    return EntityTag(mark(current, Form.AS_IS).opaque, weak=True), None

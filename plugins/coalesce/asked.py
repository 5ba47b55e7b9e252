"""What a request asks for, as it came to this room: plugins behind may change the request itself."""

from __future__ import annotations

from typing import NamedTuple

from gateway.api import Fields, Request
from gateway.http.fields import Entry


class Asked(NamedTuple):
    """A request's say. Entries of fields are shared with the request, which never changes them in place."""

    target: bytes
    method: str
    scheme: str
    authority: bytes
    entries: list[Entry]
    body: bytes
    trailers: bool
    client: str

    @property
    def fields(self) -> Fields:
        """The fields, for whoever asks once more."""
        return Fields.received(self.entries, None)

    def values(self, name: bytes) -> list[bytes]:
        """The value of each line of that lower-case name, in order."""
        return [entry[2] for entry in self.entries if entry[0] == name]


_new = tuple.__new__


def asked_by(request: Request) -> Asked:
    """What `request` asks for now. Its content must be at hand."""
    return _new(
        Asked,
        (
            request.target,
            request.method,
            request.scheme,
            request.authority,
            request.fields.entries,
            request.body,
            request.trailers,
            request.client,
        ),
    )


def request_of(asked: Asked, like: Request) -> Request:
    """A request of our own for the same: nobody's trail, no client's interim responses. Where it comes from, and by
    when it must be answered, is as with `like`."""
    own = Request(
        asked.method, asked.target, asked.fields, asked.body, asked.authority, like.downstream, like.started, like.minor
    )
    own.scheme = asked.scheme
    own.client = asked.client
    own.route = like.route
    own.trailers = asked.trailers
    own.deadline = like.deadline
    own.epoch = like.epoch
    own.attributes = None if like.attributes is None else dict(like.attributes)
    return own

"""Entity tags for responses that came without one, so that clients who have them get a 304 (RFC 9110 §8.8.3).

They are for clients alone. The origin would not know them, so they stand neither in the stored fields nor in the
stored validator, which are what it is asked with."""

from __future__ import annotations

from hashlib import blake2b

from gateway.http.validators import EntityTag
from plugins.cache.policy import Policy
from plugins.cache.stored import StoredResponse


def entity_tag_for_clients(stored: StoredResponse, policy: Policy) -> EntityTag | None:
    """The origin's entity tag, or ours: a strong one made of the content, once, and kept beside it.

    Ours only for a complete 200 that may be touched (no-transform) and has no ETag, not even a malformed one."""
    if stored.etag is not None:
        return stored.etag
    if not policy.creates_etags or not lacks_tag(stored):
        return None
    return stored.derive("etag", _made, _octets, of_body=True)


def lacks_tag(stored: StoredResponse) -> bool:
    """Whether it is one that we may make an entity tag for."""
    if stored.etag is not None or stored.status != 200 or stored.cache_control.no_transform:
        return False
    return b"etag" not in stored.fields


def tag_of(body: bytes) -> EntityTag:
    """Our entity tag of that content."""
    return EntityTag(blake2b(body, digest_size=12).hexdigest().encode())


def _made(stored: StoredResponse) -> EntityTag:
    return tag_of(stored.body)


def _octets(tag: EntityTag) -> int:
    return 128 + len(tag.opaque)

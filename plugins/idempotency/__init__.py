"""A request that is sent again is not carried out again (draft-ietf-httpapi-idempotency-key-header-07)."""

from plugins.idempotency.plugin import IdempotencyPlugin

PLUGIN = IdempotencyPlugin

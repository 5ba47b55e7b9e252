"""The configuration file that the demonstration writes for its gateway."""

_TEXT = """\
# Written by `slipstream demo`; gone when it ends.
listen: {listen}
admin: {admin}
drain: 2s

upstreams:
  shop:
    servers: ["{origin}"]

plugins:
  - websocket_batch: {{shim: /slipstream/websocket.js}}
  - cors:
      allow_origins: ["*"]
  - compress: {{}}
  - cache: {{memory: 32MiB}}
  - coalesce: {{}}
  - circuit_breaker: {{}}
  - headers:                      # behind the cache: an id for each call of the origin, and none that is stored
      request_id: {{header: X-Request-Id, respond: false}}

routes:
  - match: /ws/prices/batched     # the same prices as below, for clients that take batches
    name: prices-batched
    upstream: shop
    plugins:
      websocket_batch: {{strategy: time, max_delay: 50ms}}
  - match: /ws/prices
    name: prices
    upstream: shop
  - match: /api/products*
    name: products
    upstream: shop
  - match: /api/fail              # a circuit of its own, and a quick one: what fails here troubles nothing else
    name: failing
    upstream: shop
    plugins:
      circuit_breaker: {{per: route, consecutive_failures: 2, probes: 1, open_for: 1s, longest_open: 2s}}
  - match: /api/*
    name: api
    upstream: shop
  - match: /*
    name: rest
    upstream: shop
"""


def text(*, listen: str, admin: str, origin: str) -> str:
    """The file for a gateway on those addresses (`host:port`) before that origin (a URL)."""
    return _TEXT.format(listen=f'"{listen}"', admin=f'"{admin}"', origin=origin)

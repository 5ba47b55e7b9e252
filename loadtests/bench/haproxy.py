"""HAProxy with one thread: a reverse proxy, and its cache for small objects."""

_CACHE = """\
cache stored
    total-max-size 64
    max-object-size 262144
    max-age 3600
    process-vary on
"""
_USE_CACHE = """\
    http-request cache-use stored
    http-response cache-store stored
"""
_CODE = """\
    filter compression
    compression algo gzip
    compression type application/json
"""
_BARE_304 = """\
    http-after-response del-header Content-Length if { status 304 }
"""


def configuration(
    port: int, origin_port: int, *, caches: bool = False, bare_304: bool = False, codes: bool = False
) -> str:
    """The text of a `haproxy.cfg`; run it with `-db` so that it stays one process in the foreground.

    When it `caches`: nothing would stay longer than a minute, and nothing with Vary, unless it is told so as here.
    `bare_304` leaves Content-Length out of a 304. It may be there (RFC 9110 §8.6), but wrk waits for the content.
    When it `codes` and caches, what is stored is coded with every hit: the other order of its filters is refused."""
    cache, use_cache = (_CACHE, _USE_CACHE) if caches else ("", "")
    if bare_304:
        use_cache += _BARE_304
    if codes:
        use_cache = ("    filter cache stored\n" if caches else "") + _CODE + use_cache
    return f"""\
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 60s
    timeout http-keep-alive 75s
{cache}frontend downstream
    bind 127.0.0.1:{port} backlog 4096
    default_backend origin
backend origin
{use_cache}    http-reuse always
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    server app 127.0.0.1:{origin_port} pool-purge-delay 60s
"""

"""The index page of the admin application: what there is, in plain HTML."""

from html import escape

ENTRIES = (
    ("GET", "/live", "200 while the supervisor runs; open to everybody"),
    ("GET", "/ready", "200 when requests are welcome, 503 with reasons otherwise; open to everybody"),
    ("GET", "/metrics", "figures of all workers, as Prometheus text or OpenMetrics"),
    ("GET", "/api/status", "workers, listeners, generation, and what became of the last reload"),
    ("GET", "/api/config", "the effective configuration, every default included, secrets masked"),
    ("POST", "/api/reload", "read the configuration again; a bad one changes nothing and is explained"),
    ("POST", "/api/purge", "remove stored responses, or make them stale, in every worker"),
    ("GET", "/api/entries", "what is stored, in pages; each worker has a memory of its own"),
    ("POST", "/api/warm", "fetch what clients will want: URLs, a sitemap, an access log, what another gateway has"),
    ("GET", "/api/warm", "the last runs of that; POST /api/warm/ID/cancel stops one, resume lets it go on"),
    ("GET", "/api/sweeps", "sweeps of what is stored: under way, over, and due by the clock"),
    ("POST", "/api/sweeps", "ask the origin about what is stored; then /api/sweeps/ID/pause, resume or cancel"),
    ("GET", "/api/upstreams", "every upstream with its servers: healthy, ejected, draining, and what waits for them"),
    ("POST", "/api/upstreams/NAME/servers/URL/drain", "no new requests to a server; resume instead of drain undoes it"),
    ("GET", "/api/breakers", "every circuit: closed, half-open or open, why, and when it is tried again"),
    ("POST", "/api/breakers", "open, close or reset circuits by hand, in every worker"),
    ("GET", "/api/connections", "upgraded connections: how old, how carried, what waits"),
    ("POST", "/api/connections/close", "end one of them, with a code and a reason"),
    ("GET", "/api/explain", "what would happen to a request now, and why: ?url=http://shop.example/a"),
)


def index(version: str) -> str:
    """The page."""
    rows = "\n".join(_row(method, path, text) for method, path, text in ENTRIES)
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<meta charset="utf-8">\n<title>Slipstream</title>\n'
        f"<h1>Slipstream {escape(version)}</h1>\n<table>\n{rows}\n</table>\n</html>\n"
    )


def _row(method: str, path: str, text: str) -> str:
    shown = f'<a href="{path}">{path}</a>' if method == "GET" else path
    return f"<tr><td>{method}<td>{shown}<td>{escape(text)}"

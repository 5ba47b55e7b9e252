"""HAProxy as a reverse proxy with one thread."""


def configuration(port: int, origin_port: int) -> str:
    """The text of a `haproxy.cfg`; run it with `-db` so that it stays one process in the foreground."""
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
frontend downstream
    bind 127.0.0.1:{port} backlog 4096
    default_backend origin
backend origin
    http-reuse always
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    server app 127.0.0.1:{origin_port} pool-purge-delay 60s
"""

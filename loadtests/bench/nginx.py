"""nginx with one worker: a streaming reverse proxy, and a cache whose files stay open."""

import os
from pathlib import Path

_CACHE = """\
    proxy_cache_path {directory}/cache levels=1:2 keys_zone=stored:16m max_size=256m inactive=1h use_temp_path=off;
    proxy_cache_key $scheme$http_host$request_uri;
    proxy_cache stored;
    proxy_cache_lock on;
    open_file_cache max=12000 inactive=1h;
    open_file_cache_valid 1h;
    output_buffers 2 128k;
"""

_CODE = """\
    gzip on;
    gzip_types application/json;
    gzip_proxied any;
    gzip_vary on;
"""

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def configuration(
    port: int,
    origin_port: int,
    directory: Path,
    upstream_connections: int,
    *,
    caches: bool = False,
    codes: bool = False,
) -> str:
    """The text of an `nginx.conf` whose every file is in `directory`.

    Contents are streamed both ways as ours are; with its own defaults a 1 MB upload is written to disk first. When it
    `caches`, the index is in shared memory, the files stay open (without, a hit of 1 KB costs a quarter more) and
    the largest content is read at once. No `sendfile`: with it 100 KB costs a fifth less, the smaller a third more.

    When it `codes`, it does so at its own level, which is 1."""
    user = "user root;" if os.geteuid() == 0 else ""  # the worker must reach `directory`
    temporary = "\n".join(f"    {name}_temp_path {directory}/{name};" for name in _TEMPORARY)
    cache = (_CACHE.format(directory=directory) if caches else "") + (_CODE if codes else "")
    return f"""\
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 32768;
pid {directory}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
{temporary}
{cache}    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    upstream origin {{
        server 127.0.0.1:{origin_port};
        keepalive {upstream_connections};
        keepalive_requests 1000000000;
        keepalive_timeout 60s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
"""

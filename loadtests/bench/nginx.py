"""nginx as a streaming reverse proxy with one worker."""

import os
from pathlib import Path

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def configuration(port: int, origin_port: int, directory: Path, upstream_connections: int) -> str:
    """The text of an `nginx.conf` whose every file is in `directory`.

    Contents are streamed both ways as ours are; with its own defaults a 1 MB upload is written to disk first."""
    user = "user root;" if os.geteuid() == 0 else ""  # the worker must reach `directory`
    temporary = "\n".join(f"    {name}_temp_path {directory}/{name};" for name in _TEMPORARY)
    return f"""\
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
{temporary}
    access_log off;
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

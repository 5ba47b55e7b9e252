"""Varnish as a cache in memory, with one pool of threads."""

from pathlib import Path

_MEMORY = "256m"
_THREADS = 100
"""One for each connection of a scenario and some to spare: a thread stays with a connection that asks again soon."""

_LOGGED = (
    "-Begin,-End,-Link,-Timestamp,-Hit,-TTL,-Storage,-Length,-ReqStart,-ReqMethod,-ReqURL,-ReqProtocol,-ReqHeader,"
    "-ReqUnset,-ReqAcct,-RespProtocol,-RespStatus,-RespReason,-RespHeader,-RespUnset,-VCL_call,-VCL_return,-VCL_use,"
    "-VCL_acl,-BereqAcct,-Filters"
)

PARAMETERS = {
    "listen_depth": "4096",
    "thread_pools": "1",
    "thread_pool_min": str(_THREADS),
    "timeout_idle": "75",
    "vsl_mask": _LOGGED,
}
"""What differs from Varnish's own defaults, and why:

- `thread_pools`: it is given one core, and a pool of threads is meant for each;
- `listen_depth`, `timeout_idle`: as the others have it;
- `thread_pool_min`: none has to be started during a run;
- `vsl_mask`: no record of any request in the shared log, as the others write no access log. It spares a tenth.
"""


_CODE = """\
sub vcl_backend_response {
    set beresp.do_gzip = true;
}
"""


def configuration(origin_port: int, *, codes: bool = False) -> str:
    """The text of a VCL file; all it leaves out is done by the one that is built in.

    When it `codes`, it stores in gzip, once, and decodes for those who want it as it is."""
    code = _CODE if codes else ""
    return f"""\
vcl 4.1;
backend origin {{
    .host = "127.0.0.1";
    .port = "{origin_port}";
}}
sub vcl_recv {{
    set req.http.X-Forwarded-Proto = "http";
}}
{code}"""


def arguments(port: int, vcl: Path, directory: Path, *, on_disk: bool = False) -> list[str]:
    """The command: in the foreground, without a management port, all its files in `directory`, what it stores too when
    that is `on_disk`.

    `-j none`: as root it would change to a user of its own, who may not enter `directory`."""
    parameters = [part for name, value in PARAMETERS.items() for part in ("-p", f"{name}={value}")]
    listen = ["-a", f"127.0.0.1:{port}", "-T", "none", "-n", str(directory)]
    store = f"file,{directory}/stored,{_MEMORY}" if on_disk else f"malloc,{_MEMORY}"
    return ["varnishd", "-F", "-j", "none", "-f", str(vcl), "-s", store, *listen, *parameters]

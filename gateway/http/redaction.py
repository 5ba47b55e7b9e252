"""What a log line must not tell: credentials in field values and in the query of a target.

Everything that decides about it is in this file."""

import re
from collections.abc import Iterable

MASK = "***"

SECRET_FIELDS = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-access-token",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-goog-iam-authorization-token",
        "x-xsrf-token",
    }
)
"""Fields whose whole value is a credential, in lower case."""

_SECRET_PARAMETER = re.compile(
    r"([?&;][^=&;#]{0,64}(?:token|key|password|passwd|pwd|secret|signature|sig|credential|session|auth|code|jwt)=)[^&;#]*",
    re.IGNORECASE,
)
_CREDENTIALS_IN_URL = re.compile(r"(//)[^/?#@]*@")


def redact_value(name: str, value: str) -> str:
    """The value of one field as a log may show it. `Referer` and `Location` hold targets of their own."""
    lowered = name.lower()
    if lowered in SECRET_FIELDS:
        return MASK
    if lowered in ("referer", "location", "content-location"):
        return redact_target(value)
    return value


def redact(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Fields by name in lower case, secrets masked, values of repeated names joined by a comma."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name = raw_name.decode("latin-1").lower()
        value = redact_value(name, raw_value.decode("latin-1"))
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown


def redact_target(target: str) -> str:
    """The request target with the values of parameters that look like credentials masked, and any userinfo.

    A parameter is one when its name ends like a credential's does: `access_token`, `apikey`, `X-Amz-Signature`."""
    if "@" in target:
        target = _CREDENTIALS_IN_URL.sub(rf"\1{MASK}@", target)
    if "=" not in target:
        return target
    return _SECRET_PARAMETER.sub(rf"\1{MASK}", target)

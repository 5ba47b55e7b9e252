"""`${NAME}` and `${NAME:-default}` in texts of the file."""

import re
from collections.abc import Mapping

from gateway.config.base import SettingError

_REFERENCE = re.compile(r"\$(?:(\$)|\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?)")


def substitute(text: str, environ: Mapping[str, str]) -> str:
    """`text` with its variables replaced, once: what a variable holds is not looked into.

    `${NAME:-default}` takes the default where the variable is unset or empty, `$$` is a dollar, and a dollar before
    anything else is itself. Raises `SettingError` for a variable that is not set, and for a `${` that is no reference.
    """

    def replace(match: re.Match[str]) -> str:
        dollar, name, default = match.groups()
        if dollar:
            return "$"
        if name is None:
            raise SettingError(
                "has a ${ without a name and a closing brace", hint="write ${NAME}, or $${ for the text ${"
            )
        value = environ.get(name)
        if default is not None:
            return value or default
        if value is None:
            raise SettingError(
                f"the environment variable {name} is not set", hint=f"set it, or write ${{{name}:-default}}"
            )
        return value

    return _REFERENCE.sub(replace, text)

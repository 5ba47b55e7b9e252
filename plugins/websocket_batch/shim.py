"""The JavaScript module for browsers, as it is served: without comments and indentation."""

import re
from importlib import resources

SOURCE = "slipstream-websocket.js"
_SPACED = re.compile(r" ?(=>|[=!]=|&&|\|\||\?\.|[-+*]=|[=?:{}()\[\],;<>+*/|&]) ?")
_TEXT = re.compile(r'("(?:[^"\\]|\\.)*"|\'[^\']*\'|/(?=[^ /*])(?:[^/\\ ]|\\.)+/(?=[.,;)]))')


def minified(source: str) -> str:
    """`source` shorter. It knows the one module it is for: texts and patterns hold no line breaks, patterns no spaces,
    statements end with a semicolon, and comments have lines of their own."""
    out: list[str] = []
    for line in source.splitlines():
        line = line.strip()
        if line and not line.startswith("//"):
            parts = _TEXT.split(line)
            out.append("".join(part if at % 2 else _SPACED.sub(r"\1", part) for at, part in enumerate(parts)))
    return re.sub(r"\n(?=[})\]])|(?<=[{};,(])\n|;\n?(?=})", "", "\n".join(out)) + "\n"


def read_shim() -> bytes:
    """The module, ready to be sent."""
    return minified(resources.files(__package__).joinpath(SOURCE).read_text()).encode()

"""Options that several commands share, and how commands end that did not do what was asked."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

DEFAULT_ADMIN = "127.0.0.1:9900"
"""Where commands look for a gateway: the default of the configuration."""

MISTAKES = 1
USAGE = 2

Admin = Annotated[
    str,
    typer.Option(
        "--admin", envvar="SLIPSTREAM_ADMIN", metavar="ADDRESS", help="Where the gateway's admin application listens."
    ),
]
Token = Annotated[
    str | None, typer.Option(envvar="SLIPSTREAM_TOKEN", metavar="TOKEN", help="Its token, if it wants one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as the gateway gives it, for programs.")]


def wrong_usage(text: str) -> NoReturn:
    """End a command that was itself wrong, with words that say how it is right."""
    typer.echo(text, err=True)
    raise typer.Exit(USAGE)

"""The command line: `slipstream run | check | schema | demo | version`.

Exit codes: 0 all went well, 1 mistakes (in a configuration, or at the start), 2 the command itself was wrong.
Every command imports what it needs when it runs, so that `slipstream version` and `--help` answer at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gateway import __version__

if TYPE_CHECKING:
    from gateway.config import Configuration
    from gateway.supervisor.source import ConfigSource

DEFAULT_FILE = Path("config.yaml")
"""Taken by `run` where neither a file nor an upstream is named."""

MISTAKES = 1
USAGE = 2

app = typer.Typer(
    name="slipstream",
    help="A performance sidecar: an HTTP gateway in front of a service that already exists.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ReadableFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="A configuration file.")
]
OptionalFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", exists=True, dir_okay=False, readable=True, help="A configuration file."
    ),
]
Listen = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen, such as 127.0.0.1:8080.")]


@app.command()
def run(
    config: OptionalFile = None,
    upstream: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Stand before this server, without a file; may be given several times."),
    ] = None,
    listen: Listen = None,
    admin: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Where the admin application listens, or 'off'.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="How many worker processes, or 'auto': one per core.")
    ] = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C. --listen, --admin and --workers override the file."""
    if config is not None and upstream:
        _wrong_usage("Name a file (--config) or upstreams (--upstream), not both.")
    if config is None and not upstream:
        if not DEFAULT_FILE.is_file():
            _wrong_usage(
                "Nothing to stand in front of. Name an upstream or a configuration file:\n\n"
                "  slipstream run --upstream http://127.0.0.1:8000\n"
                "  slipstream run --config FILE\n\n"
                f"Without either, {DEFAULT_FILE} of this directory is taken, but there is none."
            )
        config = DEFAULT_FILE
    from gateway.supervisor.main import run as supervise

    raise typer.Exit(supervise(_source(config, upstream or [], listen, admin, workers)))


def _source(
    config: Path | None, upstream: list[str], listen: str | None, admin: str | None, workers: str | None
) -> ConfigSource:
    """Where the configuration comes from: the file with the flags over it, or the flags alone."""
    from gateway.supervisor.source import FileSource, UpstreamSource

    if config is None:
        return UpstreamSource(upstream, listen=listen, admin=admin, workers=workers)
    flags = {"listen": listen, "admin": admin, "workers": workers}
    return FileSource(config, {name: text for name, text in flags.items() if text is not None})


@app.command()
def check(file: ReadableFile) -> None:
    """Check a configuration file: shows every mistake with its place, or OK and what is in it."""
    from gateway.chain.registry import settings_of
    from gateway.config import ConfigError, load_file

    try:
        configuration = load_file(file, settings_of)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISTAKES) from None
    typer.echo(f"OK {file}: {describe(configuration)}")


def describe(configuration: Configuration) -> str:
    """How many routes there are, where they lead, and which plugins are on the way."""
    routes = configuration.routes
    upstreams = sorted({route.upstream for route in routes})
    plugins = list(dict.fromkeys(use.name for route in routes for use in route.plugins))
    lead = f"{_count(len(routes), 'route')} to {_count(len(upstreams), 'upstream')} ({', '.join(upstreams)})"
    return f"{lead}; " + (f"plugins {', '.join(plugins)}" if plugins else "no plugins")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    import orjson

    from gateway.chain.registry import rooms, settings_of
    from gateway.config import json_schema

    document = json_schema({name: settings_of(name) for name in rooms()})
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so many seconds.")] = None,
    listen: Listen = None,
    plain: Annotated[bool, typer.Option("--plain", help="One line a second instead of the live view.")] = False,
) -> None:
    """Show the gateway at work: an origin of its own, a client, and a live view. Ctrl-C ends it."""
    from gateway.demo.main import run as show

    raise typer.Exit(show(seconds=seconds, listen=listen, plain=plain))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"slipstream {__version__}")


def _wrong_usage(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(USAGE)


def main() -> None:
    """Entry of the console script."""
    app(prog_name="slipstream")

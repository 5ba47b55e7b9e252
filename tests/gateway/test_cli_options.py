import pytest
import typer

from gateway import cli
from gateway.cli_options import DEFAULT_ADMIN, MISTAKES, USAGE, wrong_usage
from gateway.config import AdminSettings


def test_commands_look_where_the_gateway_listens_unless_told_otherwise() -> None:
    assert str(AdminSettings().address) == DEFAULT_ADMIN == cli.DEFAULT_ADMIN


def test_mistakes_and_wrong_usage_are_told_apart() -> None:
    assert 0 < MISTAKES < USAGE


def test_a_command_that_was_wrong_ends_with_words_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end:
        wrong_usage("Name one of --a and --b.")
    assert end.value.exit_code == USAGE
    assert capsys.readouterr() == ("", "Name one of --a and --b.\n")

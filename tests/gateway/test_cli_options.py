from gateway import cli
from gateway.cli_options import DEFAULT_ADMIN, MISTAKES, USAGE
from gateway.config import AdminSettings


def test_commands_look_where_the_gateway_listens_unless_told_otherwise() -> None:
    assert str(AdminSettings().address) == DEFAULT_ADMIN == cli.DEFAULT_ADMIN


def test_mistakes_and_wrong_usage_are_told_apart() -> None:
    assert 0 < MISTAKES < USAGE

from gateway.chain.plugin import Plugin
from gateway.config import base
from tests.support.plugins import ScriptedUpstream, make_request, make_runtime


class Nothing(Plugin):
    class Settings(base.Settings):
        """No settings."""


async def test_a_plugin_that_says_nothing_takes_no_part() -> None:
    plugin, upstream = Nothing(Nothing.Settings(), make_runtime()), ScriptedUpstream()
    await plugin.open()
    assert plugin.wrap(upstream) is upstream
    request = make_request()
    assert (await plugin.wrap(upstream)(request)).status == 200
    assert upstream.requests == [request]
    assert plugin.explain(request) is None
    await plugin.close()


def test_nothing_is_promised_until_a_plugin_promises_it() -> None:
    assert (Plugin.replay_safe, Plugin.before, Plugin.after) == (False, (), ())


async def test_a_plugin_that_was_never_opened_can_be_closed() -> None:
    plugin = Nothing(Nothing.Settings(), make_runtime())
    await plugin.close()
    await plugin.close()

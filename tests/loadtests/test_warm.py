from collections import Counter
from pathlib import Path

import pytest

from loadtests import warm
from loadtests.warm import Running, Shop, hits, latest, printed, settings_for
from tests.support.origin import Origin


def test_the_shop_has_a_sitemap_of_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(30)
    with Origin(shop) as origin, Running(settings_for(origin, tmp_path), tmp_path) as gateway:
        code = printed(warm.warm(gateway, "--sitemap", f"http://{warm.HOST}/sitemap.xml", "--rate", "off"))
        assert (code, latest(gateway)["stored"]) == (0, 30)
        assert shop.fetched == 30
        assert Counter(shop.asked.values()) == {1: 32}
        assert hits(gateway, 30) == (30, 0)
    assert "done: 30 of 30 URLs; 30 stored" in capsys.readouterr().out

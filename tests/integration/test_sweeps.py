"""Sweeps in a real gateway with two workers: ordered by API, asked about once, seen by everybody."""

from pathlib import Path

from tests.integration.sweeping import PAGES, Shop, admin, fill, swept
from tests.support.gateway import before, running, wait_until
from tests.support.origin import Origin


def test_what_two_workers_hold_is_asked_about_once_and_a_change_reaches_both(tmp_path: Path) -> None:
    shop = Shop()
    with (
        Origin(shop) as origin,
        running(before(origin.url) | {"plugins": [{"cache": {}}], "workers": 2}, tmp_path) as gateway,
    ):
        fill(gateway)
        report = swept(gateway, tags=["pages"])
        assert report["state"] == "done"
        assert (report["report"]["held"], report["report"]["looked_at"]) == (2 * PAGES, PAGES)
        assert report["report"]["confirmed"] == PAGES
        assert len(shop.confirmed) == PAGES
        shop.version = 2
        shop.confirmed.clear()
        report = swept(gateway)
        assert (report["report"]["changed"], shop.confirmed) == (2 * PAGES, [])
        for _ in range(20):
            with gateway.client() as client:
                assert client.get("/7").body == b"/7 2"
        assert gateway.metric("slipstream_sweep_runs_total", state="done") == 2
        assert swept(gateway, routes=["default"], within="1m")["report"]["looked_at"] == 0


def test_with_a_host_tier_what_has_changed_is_fetched_once(tmp_path: Path) -> None:
    shop = Shop()
    with Origin(shop) as origin:
        said = before(origin.url) | {
            "plugins": [{"cache": {}}],
            "workers": 2,
            "tiers": {"host": str(tmp_path / "tier")},
        }
        with running(said, tmp_path) as gateway:
            fill(gateway)
            shop.version = 2
            shop.whole.clear()
            report = swept(gateway, concurrency=1)["report"]
            assert report["changed"] + report["recent"] == 2 * PAGES
            for _ in range(20):
                with gateway.client() as client:
                    assert client.get("/7").body == b"/7 2"


def test_a_sweep_by_the_clock_is_announced(tmp_path: Path) -> None:
    with Origin(Shop()) as origin:
        said = before(origin.url) | {"plugins": [{"cache": {}}], "sweeps": {"nightly": {"schedule": "30 4 * * *"}}}
        with running(said, tmp_path) as gateway:

            def announced() -> bool:
                (nightly,) = admin(gateway, "GET", "/api/sweeps").json()["configured"]
                return bool(nightly["next_at"])

            wait_until(announced, "the clock has been looked at")
            assert swept(gateway, name="nightly")["name"] == "nightly"

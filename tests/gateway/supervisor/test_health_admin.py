from typing import Any

from gateway.supervisor.health_admin import of_server, with_workers

A, B = "http://a", "http://b"


def worker(**servers: dict[str, float]) -> dict[str, Any]:
    return {"pid": 1, "upstreams": {"app": {f"http://{name}": shown for name, shown in servers.items()}}}


TOLD = [
    worker(
        a={"pending": 2, "upgraded": 9, "connections": 3, "ejected_seconds": 4.0}, b={"pending": 1, "connections": 1}
    ),
    worker(a={"pending": 5, "connections": 1, "ejected_seconds": 0.0}),
    {"pid": 2, "upstreams": {"app": "strange"}},
    {"pid": 3},
]


def test_what_workers_have_going_with_a_server_is_added_up() -> None:
    assert of_server(TOLD, "app", A) == {"pending": 7, "upgraded": 9, "connections": 4, "ejected_by": 1}
    assert of_server(TOLD, "app", B) == {"pending": 1, "upgraded": 0, "connections": 1, "ejected_by": 0}
    assert of_server(TOLD, "other", A) == {"pending": 0, "upgraded": 0, "connections": 0, "ejected_by": 0}


def test_each_server_of_each_upstream_has_its_own() -> None:
    status = {"app": {"servers": [{"url": A, "state": "healthy"}, {"url": B, "state": "draining"}], "sources": {}}}
    shown = with_workers(status, TOLD)["app"]
    assert [(each["url"], each["state"], each["pending"]) for each in shown["servers"]] == [
        (A, "healthy", 7),
        (B, "draining", 1),
    ]
    assert shown["sources"] == {}

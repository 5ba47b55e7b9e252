from gateway.demo.status import Worker, circuits, workers


def test_workers_are_taken_from_the_status_document() -> None:
    document = {
        "workers": [
            {"pid": 7, "state": "ready", "connections": 3, "in_flight": 1, "rss_bytes": 1000, "restarts": 2},
            {"pid": 8, "state": "starting"},
        ]
    }
    assert workers(document) == (Worker(7, "ready", 3, 1, 1000, 2), Worker(8, "starting"))


def test_a_worker_without_a_process_and_a_document_without_workers_are_no_trouble() -> None:
    assert workers({"workers": [{"pid": None, "state": "waiting"}]}) == ()
    assert workers({}) == workers({"workers": None}) == ()


def test_circuits_have_a_name_and_a_state() -> None:
    listed = [{"circuit": "route:a", "state": "half-open", "calls": 3}, {"circuit": "server:b", "state": "closed"}]
    assert circuits({"circuits": listed}) == {"route:a": "half-open", "server:b": "closed"}
    assert circuits({}) == {}

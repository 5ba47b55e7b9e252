from loadtests.store.fill import fill


def test_a_store_is_filled_several_times_over_and_its_memory_read() -> None:
    found = fill(mebibytes=1, kind="small", times=3)
    assert found["brought"] > 2 * found["kept"] > 100
    assert 0.8 < found["used_mib"] <= 1.0
    assert found["process_mib"] > found["growth_mib"]
    assert found["process"] == found["process_mib"]

from plugins.batch.common.names import Names


def test_names_are_meant_as_they_are_or_by_their_beginning() -> None:
    names = Names(["/a", "/b/*", "get*"])
    assert [name for name in ("/a", "/b/", "/b/c", "get", "getAll") if name in names] == [
        "/a",
        "/b/",
        "/b/c",
        "get",
        "getAll",
    ]
    assert not [name for name in ("/a/", "/A", "/b", "forget", "") if name in names]


def test_nothing_is_in_an_empty_list_and_everything_in_a_star() -> None:
    assert "" not in Names([])
    assert "x" not in Names([])
    assert "x" in Names(["*"])

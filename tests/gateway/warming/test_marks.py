from gateway.warming.marks import BY, CLIENT, WarmingReason


def test_requests_of_the_gateway_itself_have_words_of_their_own() -> None:
    assert (BY, CLIENT) == ("warming", "warming")
    assert {reason.value for reason in WarmingReason} == {"asked", "list"}

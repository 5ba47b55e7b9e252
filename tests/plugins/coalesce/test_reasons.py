from plugins.coalesce.reasons import DECISIONS, FOR_ONE_CLIENT, NAME, ApartReason, SharedReason


def test_every_reason_has_a_word_of_its_own_and_a_sentence() -> None:
    reasons = [*SharedReason, *ApartReason]
    assert len({reason.value for reason in reasons}) == len(reasons)
    assert all(reason.sentence.endswith(".") for reason in reasons)


def test_every_reason_can_stand_on_a_trail() -> None:
    assert {decision.reason for decision in DECISIONS.values()} == {*SharedReason, *ApartReason}
    assert {decision.by for decision in DECISIONS.values()} == {NAME}


def test_only_what_speaks_of_the_answer_is_remembered_of_it() -> None:
    assert FOR_ONE_CLIENT.isdisjoint({ApartReason.STATUS, ApartReason.FAILED, ApartReason.LATE, ApartReason.VARY})

from plugins.batch.common.reasons import DECISIONS, NAME, ClientReason, MergeReason, RpcReason


def test_every_reason_has_a_decision_a_word_and_a_sentence() -> None:
    reasons = [*ClientReason, *MergeReason, *RpcReason]
    assert set(DECISIONS) == set(reasons)
    assert all(decision.by == NAME and decision.reason is reason for reason, decision in DECISIONS.items())
    assert all(reason.sentence.endswith(".") for reason in reasons)


def test_words_mean_one_thing_on_the_trail() -> None:
    words = [reason.value for kind in (ClientReason, MergeReason, RpcReason) for reason in kind]
    assert len(set(words)) == len(words)

from plugins.idempotency.reasons import IdempotencyReason, KeptReason


def test_reasons_are_words_for_metrics_and_each_is_another() -> None:
    for reasons in (IdempotencyReason, KeptReason):
        values = [reason.value for reason in reasons]
        assert len(set(values)) == len(values)
        assert all(value.replace("_", "").isalpha() and value.islower() for value in values)

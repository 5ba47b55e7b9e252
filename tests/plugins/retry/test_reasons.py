from plugins.retry.reasons import RetryReason, StopReason


def test_reasons_are_words_for_labels_and_logs() -> None:
    for kind in (RetryReason, StopReason):
        values = [reason.value for reason in kind]
        assert len(set(values)) == len(values)
        assert all(value.isidentifier() and value == value.lower() for value in values)

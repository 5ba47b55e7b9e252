from plugins.circuit_breaker.reasons import Cause, CircuitReason


def test_reasons_are_words_for_labels_and_logs() -> None:
    values = [reason.value for kind in (Cause, CircuitReason) for reason in kind]
    assert len(set(values)) == len(values)
    assert all(value.isidentifier() and value == value.lower() for value in values)

from plugins.compress.reasons import SENTENCES, CompressReason


def test_reasons_are_words_for_metrics() -> None:
    assert all(reason.value.isidentifier() and reason.value.islower() for reason in CompressReason)


def test_whatever_a_request_decides_alone_is_explained() -> None:
    assert set(SENTENCES) == {
        CompressReason.COMPRESSED,
        CompressReason.NOT_ACCEPTED,
        CompressReason.NO_TRANSFORM,
        CompressReason.RANGE,
        CompressReason.COOKIES,
    }

from gateway.figures.registry import Figures
from plugins.compress.figures import NAME, CompressFigures
from plugins.compress.forms import Form
from plugins.compress.reasons import CompressReason
from tests.support.plugins import make_request


def test_a_reason_is_counted_and_stands_on_the_trail() -> None:
    figures = Figures.in_memory()
    request = make_request()
    own = CompressFigures(figures, "shop")
    own.note(request, CompressReason.SMALL)
    own.note(make_request(), CompressReason.SMALL)
    assert [(decision.by, decision.reason) for decision in request.trail] == [(NAME, CompressReason.SMALL)]
    assert figures.value("compress_responses_total", route="shop", outcome="small") == 2


def test_octets_and_time_are_counted_by_coding() -> None:
    figures = Figures.in_memory()
    own = CompressFigures(figures, "shop")
    own.made(Form.BR, 1_000, 200, 0.5)
    own.made(Form.BR, 1_000, 300, -0.1)  # a clock that was set back
    own.given(Form.BR, 1_000, 200, times=3)
    own.of(Form.GZIP).improved.inc()
    labels = {"route": "shop", "coding": "br"}
    assert figures.value("compress_bytes_total", side="before", **labels) == 5_000
    assert figures.value("compress_bytes_total", side="after", **labels) == 1_100
    assert figures.value("compress_seconds_total", **labels) == 0.5
    assert figures.value("compress_improved_total", route="shop", coding="gzip") == 1

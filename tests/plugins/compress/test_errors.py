from gateway.api import Fault, UpstreamError
from plugins.compress.errors import ContentCodingError


def test_broken_content_is_the_upstreams_fault() -> None:
    error = ContentCodingError("cut short")
    assert isinstance(error, UpstreamError)
    assert (error.fault, error.status, error.retryable) == (Fault.UPSTREAM, 502, False)

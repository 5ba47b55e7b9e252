"""What is wrong with an origin's content."""

from gateway.api import UpstreamError


class ContentCodingError(UpstreamError):
    """The origin's content is not what its Content-Encoding says, or would take more than the settings allow."""

    proxy_error = "http_protocol_error"
    reason = "content_coding"

"""Settings of the replay lane."""

from typing import Annotated

from pydantic import AfterValidator

from gateway.config.base import Settings
from gateway.config.shorthand import check_token
from gateway.config.units import OrOff, Size, mebibytes

Token = Annotated[str, AfterValidator(check_token)]


class ReplaySettings(Settings):
    """The lane on which an answer from a store is given again to the same request head, before anything is parsed."""

    memory: Annotated[Size | None, OrOff()] = mebibytes(32)
    """Octets each worker keeps answers in, beside the store they come from. `off` sends every request through the
    chain, which costs more of the processor and changes nothing else."""
    ignore: tuple[Token, ...] = (
        "X-Request-Id",
        "X-Correlation-Id",
        "traceparent",
        "tracestate",
        "X-Amzn-Trace-Id",
        "X-Cloud-Trace-Context",
        "X-B3-TraceId",
        "X-B3-SpanId",
        "X-B3-ParentSpanId",
        "X-B3-Sampled",
        "b3",
    )
    """Fields that differ in every request and decide nothing: heads that differ in them alone count as the same. A
    field that a stored answer depends on is looked at all the same."""

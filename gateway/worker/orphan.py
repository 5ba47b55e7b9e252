"""A worker must not outlive its supervisor by much, even when its loop is blocked.

The end of the control channel tells a healthy worker. For a blocked one the kernel sends a signal when the
supervisor dies (Linux), and the handler, which needs no loop, sets an alarm that ends the process."""

import ctypes
import math
import os
import signal

_PR_SET_PDEATHSIG = 1
_SIGNAL = signal.SIGUSR2


def end_with(supervisor: int, after: float) -> bool:
    """End this process at the latest `after` seconds after the process `supervisor` did.

    False where the system cannot do that. Call it in the main thread. When the supervisor is gone already the
    time begins now."""

    def on_death(number: int, frame: object) -> None:
        signal.alarm(max(1, math.ceil(after)))  # SIGALRM ends the process, whatever its loop does

    signal.signal(_SIGNAL, on_death)
    try:
        armed = bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(_SIGNAL), 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False
    if os.getppid() != supervisor:
        os.kill(os.getpid(), _SIGNAL)
    return armed

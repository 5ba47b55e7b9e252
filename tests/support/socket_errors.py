"""What a socket says when the peer has left without a word."""

from __future__ import annotations

import ssl

GONE = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError, ssl.SSLEOFError, ssl.SSLZeroReturnError)

"""The libraries that code content, as far as this machine has them; `None` stands for one that is missing.

Only gzip can always be made: zlib, which every Python has, stands in for ISA-L."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def _found(*names: str) -> Any:
    for name in names:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


isal_zlib: Any = _found("isal.isal_zlib")
brotli: Any = _found("brotli")
zstd: Any = _found("compression.zstd", "backports.zstd")
"""The standard library's from Python 3.14 on, and the same module by itself before."""

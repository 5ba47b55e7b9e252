from pathlib import Path

import pytest

from gateway.config import load_text
from gateway.supervisor.files import unusable
from tests.support.certificates import Authority


def faults(text: str) -> list[str]:
    return list(unusable(load_text(text, lambda name: pytest.fail(f"no plugin is named: {name}"), environ={}).settings))


def test_files_that_can_be_used_are_no_faults(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server", "a.test")
    text = f"""
listen: {{address: 127.0.0.1:1, tls: {{certificate: {pair.certificate}, key: {pair.key}}}}}
upstreams: {{app: {{servers: [https://127.0.0.1:2], tls: {{ca: {authority.file}}}}}}}
"""
    assert faults(text) == []
    assert faults("upstreams: {app: {servers: [https://127.0.0.1:2]}}") == []


def test_each_setting_whose_files_cannot_be_used_is_told_with_the_reason(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = authority.issue("one", "a.test"), authority.issue("other", "a.test")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    text = f"""
listen:
  - {{address: 127.0.0.1:1, tls: {{certificate: {tmp_path}/none.pem, key: {one.key}}}}}
  - {{address: 127.0.0.1:2, tls: {{certificate: {one.certificate}, key: {other.key}}}}}
upstreams:
  app: {{servers: [https://127.0.0.1:3], tls: {{ca: {nonsense}}}}}
redis: {{url: rediss://127.0.0.1:4, tls: {{ca: {tmp_path}}}}}
"""
    missing, swapped, unreadable, folder = faults(text)
    assert missing == f"listen 127.0.0.1:1: tls: {tmp_path}/none.pem: no such file or directory"
    assert swapped == f"listen 127.0.0.1:2: tls: {one.certificate} and {other.key}: the key is not the certificate's"
    assert unreadable.startswith(f"upstreams.app.tls: {nonsense}: no PEM that can be used here (")
    assert folder == f"redis.tls: {tmp_path}: is a directory"

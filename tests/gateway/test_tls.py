import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from gateway.config.upstreams import UpstreamTlsSettings
from gateway.tls import client_context, fault_of
from tests.support.certificates import Authority
from tests.support.loopback import listening, until_end


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contexts begin as with Python 3.13 and later."""
    usual = ssl.create_default_context

    def stricter(**settings: Any) -> ssl.SSLContext:
        context = usual(**settings)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", stricter)


@pytest.mark.usefixtures("strict")
async def test_an_authority_without_key_identifiers_is_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    served = authority.issue("origin", "app.example").server_context()
    context = client_context(UpstreamTlsSettings(ca=authority.file))
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    async with listening(until_end, ssl=served) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="app.example")
        writer.close()


def test_a_key_with_a_password_is_an_error_and_no_question_on_the_terminal(tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("gateway", "gateway.example")
    settings = UpstreamTlsSettings(certificate=pair.certificate, key=pair.locked_key())
    with pytest.raises(OSError, match="without a password"):
        client_context(settings)


def test_a_fault_names_the_file_that_cannot_be_read(tmp_path: Path) -> None:
    there, missing = tmp_path / "there.pem", tmp_path / "missing.pem"
    there.touch()
    assert fault_of(FileNotFoundError(2, "x"), (None, there, missing)) == f"{missing}: no such file or directory"
    assert fault_of(OSError("the key is encrypted"), (there,)) == f"{there}: the key is encrypted"
    assert fault_of(ssl.SSLError(9, "PEM lib"), (there, None)).startswith(f"{there}: no PEM that can be used here (")

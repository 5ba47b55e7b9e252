import asyncio
import ssl
from pathlib import Path

from gateway.config.upstreams import UpstreamTlsSettings
from gateway.tls import client_context, fault_of
from tests.support.certificates import Authority
from tests.support.loopback import listening, until_end


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


def test_a_fault_names_the_file_that_cannot_be_read(tmp_path: Path) -> None:
    there, missing = tmp_path / "there.pem", tmp_path / "missing.pem"
    there.touch()
    assert fault_of(FileNotFoundError(2, "x"), (None, there, missing)) == f"{missing}: no such file or directory"
    assert fault_of(OSError("the key is encrypted"), (there,)) == f"{there}: the key is encrypted"
    assert fault_of(ssl.SSLError(9, "PEM lib"), (there, None)).startswith(f"{there}: no PEM that can be used here (")

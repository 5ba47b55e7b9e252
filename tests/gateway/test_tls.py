import asyncio
import ssl
from pathlib import Path

from gateway.config.upstreams import UpstreamTlsSettings
from gateway.tls import client_context
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

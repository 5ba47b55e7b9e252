import ssl
from pathlib import Path

import pytest

from gateway.listener.tls import server_context
from tests.support.certificates import Authority, Certificate


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.issue("server", "a.test")


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """The client's side of a handshake through memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="a.test"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0]


def test_a_client_gets_the_certificate_and_http_1_1(authority: Authority, certificate: Certificate) -> None:
    client = authority.client_context()
    client.set_alpn_protocols(["h2", "http/1.1"])
    made = shake_hands(server_context(certificate.certificate, str(certificate.key)), client)
    assert made.selected_alpn_protocol() == "http/1.1"
    assert (made.getpeercert() or {})["subjectAltName"] == (("DNS", "a.test"),)


def test_tls_1_2_is_the_oldest_version_spoken(authority: Authority, certificate: Certificate) -> None:
    server, client = server_context(certificate.certificate, certificate.key), authority.client_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake_hands(server, client).version() == "TLSv1.2"
    assert server.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_cannot_be_used_are_errors(authority: Authority, certificate: Certificate, tmp_path: Path) -> None:
    other = authority.issue("other", "b.test")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("not a certificate")
    for pair in ((tmp_path / "none.pem", certificate.key), (certificate.certificate, tmp_path / "none.key")):
        with pytest.raises(FileNotFoundError):
            server_context(*pair)
    for pair in ((certificate.certificate, other.key), (nonsense, certificate.key)):
        with pytest.raises(ssl.SSLError):
            server_context(*pair)


def test_a_key_with_a_password_is_an_error_and_no_question_on_the_terminal(certificate: Certificate) -> None:
    with pytest.raises(OSError, match="without a password"):
        server_context(certificate.certificate, certificate.locked_key())

from hashlib import sha1

from gateway.redis.script import Script


def test_a_script_is_known_by_the_digest_of_what_is_sent() -> None:
    script = Script("\n  return 1\n")
    assert script.source == b"return 1"
    assert script.sha == sha1(b"return 1").hexdigest().encode()

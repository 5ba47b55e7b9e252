from gateway.api import Fields
from plugins.compress.forms import Form
from plugins.compress.marking import described, retag, trailers_for_other_octets
from tests.support.plugins import fields_of, pairs


def test_fields_of_coded_content_say_nothing_about_other_octets() -> None:
    fields = fields_of(
        {
            "Content-Type": "text/html",
            "ETag": '"a"',
            "Accept-Ranges": "bytes",
            "Content-MD5": "x",
            "Digest": "x",
            "Content-Digest": "x",
            "Repr-Digest": "x",
            "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT",
        }
    )
    came = pairs(fields)
    assert pairs(described(fields, Form.BR)) == [
        ("Content-Type", "text/html"),
        ("ETag", '"a-br"'),
        ("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ("Content-Encoding", "br"),
        ("Vary", "Accept-Encoding"),
    ]
    assert pairs(fields) == came


def test_decoded_content_has_no_coding_any_more() -> None:
    fields = fields_of({"Content-Encoding": "gzip", "ETag": '"a"', "Vary": "Cookie"})
    assert pairs(described(fields, Form.PLAIN)) == [("ETag", '"a-id"'), ("Vary", "Cookie, Accept-Encoding")]


def test_coded_content_says_how_on_the_wire_too() -> None:
    fields = described(fields_of({"ETag": 'W/"a"', "Vary": "accept-encoding"}), Form.GZIP)
    assert fields.encode() == b'ETag: W/"a"\r\nVary: accept-encoding\r\nContent-Encoding: gzip\r\n'


def test_weak_malformed_and_absent_tags_stay() -> None:
    for tag in ('W/"a"', "a", '"a', ""):
        fields = fields_of({"ETag": tag})
        retag(fields, Form.GZIP)
        assert fields.get(b"etag") == tag.encode()
        assert described(fields, Form.GZIP).get(b"etag") == tag.encode()
    two = fields_of([("ETag", '"a"'), ("ETag", '"b"')])
    assert described(two, Form.GZIP).values(b"etag") == [b'"a"', b'"b"']
    fields = Fields()
    retag(fields, Form.GZIP)
    assert len(fields) == 0


def test_content_as_it_is_keeps_its_tag_unless_that_ends_like_ours() -> None:
    fields = fields_of({"ETag": '"a"'})
    block = fields.encode()
    retag(fields, Form.AS_IS)
    assert fields.encode() is block  # nothing was written anew
    fields = fields_of({"ETag": '"a-br"'})
    retag(fields, Form.AS_IS)
    assert fields.get(b"etag") == b'"a-br-as"'


def test_trailers_lose_digests_alone() -> None:
    assert trailers_for_other_octets(None) is None
    trailers = fields_of({"Repr-Digest": "x", "Server-Timing": "db"})
    kept = trailers_for_other_octets(trailers)
    assert kept is not None
    assert pairs(kept) == [("Server-Timing", "db")]
    assert len(trailers) == 2
    harmless = fields_of({"Server-Timing": "db"})
    assert trailers_for_other_octets(harmless) is harmless

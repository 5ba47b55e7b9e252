"""The configuration of Varnish."""

from pathlib import Path

from loadtests.bench.varnish import PARAMETERS, arguments, configuration


def test_it_asks_the_origin_and_leaves_the_rest_to_what_is_built_in() -> None:
    text = configuration(18000)
    assert text.startswith("vcl 4.1;")
    assert '.port = "18000";' in text
    assert text.count("{") == text.count("}")


def test_it_stays_in_the_foreground_and_in_its_directory() -> None:
    argv = arguments(18080, Path("/scratch/origin.vcl"), Path("/scratch"))
    assert {"-F", "127.0.0.1:18080", "malloc,256m"} <= set(argv)
    assert [part for part in argv if part.startswith("/") and not part.startswith("/scratch")] == []


def test_every_parameter_is_set_and_no_request_is_logged() -> None:
    argv = arguments(18080, Path("/scratch/origin.vcl"), Path("/scratch"))
    given = {argv[place + 1] for place, part in enumerate(argv) if part == "-p"}
    assert given == {f"{name}={value}" for name, value in PARAMETERS.items()}
    tags = PARAMETERS["vsl_mask"].split(",")
    assert all(tag.startswith("-") for tag in tags)
    assert {"-ReqURL", "-ReqHeader", "-RespHeader", "-VCL_call"} <= set(tags)


def test_it_stores_in_gzip_when_it_is_told_to_code() -> None:
    text = configuration(18000, codes=True)
    assert "set beresp.do_gzip = true;" in text
    assert text.count("{") == text.count("}")
    assert "gzip" not in configuration(18000)

from plugins.websocket_batch.shim import minified, read_shim


def test_the_module_is_smaller_than_two_kibibytes() -> None:
    assert len(read_shim()) <= 2048


def test_comments_and_indentation_are_gone_and_texts_are_not_touched() -> None:
    source = """
    // A comment.
    let a = "b = c  // d", e = s => {
      f(a, 'x : y');
      return /a=+b/.test(e);
    };
    g();
    """
    assert minified(source) == "let a=\"b = c  // d\",e=s=>{f(a,'x : y');return /a=+b/.test(e)};g();\n"


def test_what_is_served_is_the_whole_module() -> None:
    text = read_shim().decode()
    assert text.startswith("let cut=")
    assert "export default class X extends EventTarget{" in text
    assert text.endswith("}});\n")
    assert text.count("{") == text.count("}")

"""Model cards as HTML."""

import pytest

from headrace.core.packaging.cards.markdown import markdown


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title", "<h3>Title</h3>"),
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("- a\n- b\n  more", "<ul><li>a</li><li>b more</li></ul>"),
        ("1. a", "<ul><li>a</li></ul>"),
        (
            "**bold** and *soft* and `a_*b*_c`",
            "<p><strong>bold</strong> and <em>soft</em> and <code>a_*b*_c</code></p>",
        ),
        ("```\n<b> *x*\n```", "<pre>&lt;b&gt; *x*</pre>"),
        ("```\nopen", "<pre>open</pre>"),
        ("[text](http://example.org)", "<p>text</p>"),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("| lonely", "<p>| lonely</p>"),
        ("", ""),
    ],
)
def test_markdown(text: str, html: str) -> None:
    """What cards use becomes HTML; everything else stays text."""
    assert markdown(text) == html


def test_tables() -> None:
    """A table keeps escaped bars inside its cells."""
    html = markdown("| a | b |\n|---|--:|\n| 1 | x\\|y |\n\nafter")
    assert "<th scope=col>a</th>" in html
    assert "<td>x|y</td>" in html
    assert html.endswith("<p>after</p>")
    assert "thead" not in markdown("|  |  |\n|---|---|\n| 1 | 2 |")


@pytest.mark.parametrize(
    "text", ["<script>x</script>", "# <img src=x onerror=y>", "- `</code><script>`", "| a |\n|---|\n| <b> |"]
)
def test_html_in_a_card_stays_text(text: str) -> None:
    """Raw HTML is shown, never obeyed."""
    html = markdown(text)
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>" not in html

"""Model card and risk sheet as self-contained pages: no script, nothing loaded from elsewhere."""

from markupsafe import escape

from headrace.core.packaging.cards.markdown import markdown

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --line: #d5dae0; --paper: #fff; --card: #f7f8fa;
  --warn: #8a5a00; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e9ed; --soft: #a3adb8; --line: #343b44; --paper: #14171b;
  --card: #1c2126; --warn: #f0b93a; }} }}
body {{ margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 56rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  overflow-wrap: anywhere; }}
h1 {{ font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }}
h2 {{ font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-top: .7rem; border-top: 1px solid var(--line); }}
p {{ margin: .4rem 0 .7rem; max-width: 46rem; }}
em {{ color: var(--warn); }}
code, pre {{ font-family: ui-monospace, "SFMono-Regular", Menlo, "DejaVu Sans Mono", monospace; font-size: .85em; }}
pre {{ background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .8rem;
  overflow-x: auto; }}
.scroll {{ overflow-x: auto; margin: .5rem 0 1rem; }}
table {{ border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }}
th, td {{ text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }}
thead th {{ color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def page(text: str) -> str:
    """Render a Markdown document as a page; its first heading is the page's title.

    Args:
        text: The Markdown; raw HTML in it is shown as text.
    """
    title = text.partition("\n")[0].removeprefix("# ")
    return _PAGE.format(title=escape(title), body=markdown(text, 0))

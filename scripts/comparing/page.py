"""One HTML page that holds all it shows, so that it can be moved and mailed, and read on a phone and in the dark."""

import base64
import html
import re
from pathlib import Path

from PIL import Image

from datamodules.messages import shown

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #ddd; --paper: #16181c; --line: #444 }} }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--paper); overflow-wrap: break-word }}
.wide, pre {{ overflow-x: auto; max-width: 100% }}
pre {{ line-height: 1.2 }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal }}
td, th {{ padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top }}
td:first-child, th:first-child {{ text-align: left }}
.word {{ white-space: nowrap }}
img {{ max-width: 100%; height: auto; background: #fff; border-radius: 4px }}
</style>
{body}
</html>
"""


def page(title: str, body: str) -> str:
    """A whole page: the title as plain text, the body as HTML."""
    return PAGE.format(title=escaped(title), body=body)


def escaped(text: str, lines: bool = False) -> str:
    """A text of any origin as HTML that shows it, control characters too.

    Args:
        text: plain.
        lines: whether it may have several, which are kept.
    """
    return html.escape(shown(text, lines=lines))


def html_table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A plain HTML table, which scrolls where it is wider than the screen, by keys as well."""
    # A number of thousands and its unit stay together.
    unbroken = [re.sub(r"(?<=\d) (?=[\d$])", "\u00a0", escaped(text)) for text in headings]
    cells = [f"<tr>{''.join(f'<th>{text}</th>' for text in unbroken)}</tr>"]
    cells += [f"<tr>{''.join(map(cell, texts))}</tr>" for texts in rows]
    return '<div class="wide" tabindex="0">\n<table>\n' + "\n".join(cells) + "\n</table>\n</div>"


def cell(text: str) -> str:
    """A cell; a word, or numbers like 0.35 (0.34 … 0.36), stay in one line, where a browser would break 1.8e-03 at its sign."""
    is_short = " " not in text or re.fullmatch(r"[^A-Za-z]{1,40}", text)
    return f'<td class="word">{escaped(text)}</td>' if is_short else f"<td>{escaped(text)}</td>"


def inline(path: Path) -> str:
    """An image inside the page, with the words that `write_picture` left in it for those who do not see it."""
    with Image.open(path) as image:
        alt = str(image.info.get("Description", path.stem.replace("_", " ")))
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img src="data:image/png;base64,{data}" alt="{escaped(alt)}"></p>'

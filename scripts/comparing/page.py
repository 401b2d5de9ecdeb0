"""One HTML page that holds all it shows, so that it can be moved and mailed."""

import base64
import html
from pathlib import Path

from datamodules.messages import shown

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: .3rem .7rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top }}
td:first-child, th:first-child {{ text-align: left }}
img {{ max-width: 100% }}
</style>
{body}
</html>
"""


def page(title: str, body: str) -> str:
    """A whole page: the title as plain text, the body as HTML."""
    return PAGE.format(title=escaped(title), body=body)


def escaped(text: str) -> str:
    """A text of any origin as HTML that shows it, control characters too."""
    return html.escape(shown(text))


def html_table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A plain HTML table."""
    cells = [f"<tr>{''.join(f'<th>{escaped(text)}</th>' for text in headings)}</tr>"]
    cells += [f"<tr>{''.join(f'<td>{escaped(text)}</td>' for text in texts)}</tr>" for texts in rows]
    return "<table>\n" + "\n".join(cells) + "\n</table>"


def inline(path: Path) -> str:
    """An image inside the page."""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img src="data:image/png;base64,{data}" alt="{escaped(path.stem.replace("_", " "))}"></p>'

"""The pieces of a page of figures: no scripts, nothing fetched, every text escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STYLE = """
:root{--ink:#1d2733;--soft:#5b6b7c;--line:#dde4ea;--paper:#fff;--tile:#f4f7f9;--accent:#0b7285}
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:0 auto;max-width:62rem;padding:2.5rem 1.25rem 4rem}
h1{font-size:2.1rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.4rem 0 .6rem}
p{margin:.4rem 0;max-width:46rem}
.soft{color:var(--soft)}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));gap:.8rem;
margin:1.4rem 0}.tile{background:var(--tile);border-radius:.6rem;padding:1rem 1.1rem}
.tile b{display:block;font-size:1.9rem;line-height:1.15;color:var(--accent)}.tile small{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);font-size:.9rem}svg{max-width:100%;height:auto}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(24rem,1fr));gap:1.2rem}
.warn{background:#fff3e0;border-left:4px solid #e67700;padding:.6rem 1rem}code{font-size:.9em}
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page out of its `parts`, which are HTML; `title` is text."""
    return (f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
            f"content='width=device-width,initial-scale=1'><title>{text(title)}</title>"
            f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n")


def tiles(rows: Iterable[tuple[str, str, str]]) -> str:
    """A handful of numbers to see first: the number, what it is, and its small print."""
    cells = (f"<div class=tile><b>{text(big)}</b>{text(what)}<br><small>{text(small)}</small></div>"
             for big, what, small in rows)
    return f"<div class=tiles>{''.join(cells)}</div>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of texts."""
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{text(h)}</th>' for h in head)}</tr>{body}</table>"


def counted(row: Mapping[str, Any]) -> str:
    """A share as its counts."""
    return f"{row['misses']} of {row['of']}"


def missed(row: Mapping[str, Any]) -> str:
    """A share in per cent with its interval."""
    return f"{row['percent']:g} % ({interval(row)})"


def interval(row: Mapping[str, Any]) -> str:
    """The 95 % interval of a share."""
    return f"{row['ci95'][0]:g} to {row['ci95'][1]:g} %"


def text(value: object) -> str:
    """Anything as text that no browser obeys."""
    return html.escape(str(value))

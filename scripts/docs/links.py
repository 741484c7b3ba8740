"""What the built site is checked for.

Each link leads to a page and a place in it, nothing comes from elsewhere, and tables are tables.
"""

import functools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

_LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
# Of <link>, these name other pages and load nothing.
_NAMING = {"canonical", "next", "prev", "search", "index", "author", "genindex"}

_TABLE_AS_TEXT = re.compile(r"<p>\|[^<]*")
_LOADED_BY_STYLE = re.compile(r"url\([\"']?(https?://[^)\"']+)")


class _Page(HTMLParser):
    """A page's places to link to, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects an element's attributes."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in _LOADING and _LOADING[tag] in given:
            naming = tag == "link" and _NAMING & set(given.get("rel", "").split())
            (self.links if naming else self.loaded).append(given[_LOADING[tag]])


@functools.cache
def _page(path: Path) -> _Page:
    return _Page(path)


def problems(site: Path) -> list[str]:
    """Returns a line for each link that leads nowhere, load from elsewhere and table as text."""
    found = [line for path in sorted(site.rglob("*.html")) for line in _problems(site, path)]
    for path in sorted(site.rglob("*.css")):
        for address in _LOADED_BY_STYLE.findall(path.read_text()):
            found.append(f"{path.relative_to(site)}: loads {address} from another host")
    return found


def _problems(site: Path, path: Path) -> Iterator[str]:
    here = path.relative_to(site)
    page = _page(path)
    for text in _TABLE_AS_TEXT.findall(path.read_text()):
        yield f"{here}: a table that stayed text: {' '.join(text[4:].split())[:60]}"
    for address in page.loaded:
        if urlsplit(address).netloc:
            yield f"{here}: loads {address} from another host"
    for address in (*page.links, *page.loaded):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        name, anchor = urldefrag(address)
        target = path.parent / unquote(name.partition("?")[0]) if name else path
        if not target.is_file():
            yield f"{here}: no such file: {address}"
        elif anchor and target.suffix == ".html" and unquote(anchor) not in _page(target).anchors:
            yield f"{here}: no such place in the page: {address}"

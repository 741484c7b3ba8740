"""The site: pages written from tables in the code, tutorials executed, links checked."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "build" / "docs"
"""What Sphinx reads: docs/ and the pages that are generated."""
HTML = ROOT / "build" / "html"
"""What it writes."""
SITE = ROOT / "site"
"""The site, once it is whole."""

"""The site: pages written from tables in the code, tutorials executed, links checked."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "build" / "docs"
"""What Sphinx reads: docs/ and the pages that are generated."""
SITE = ROOT / "site"
"""What it writes."""

"""Formulas as MathML, which browsers draw by themselves: no script and no font to fetch."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the renderer ``mathml`` for ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (_inline, _done), (_block, _done))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    formula = convert(node.astext(), display="block")
    translator.body.append(f'<div class="formula">{formula}</div>\n')
    raise nodes.SkipNode


def _done(translator: Any, node: nodes.Element) -> None:
    pass

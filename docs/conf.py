"""Sphinx's configuration of the site; scripts/docs.sh builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # mathml.py

from dropout_lab.version import __version__ as version

project = "dropout_lab"
html_title = f"{project} {version}"
extensions = [
    "mathml",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_render_markdown_format = "myst"  # outputs are tables as well
nb_execution_mode = "off"  # scripts/docs executes them, once, for tests too

napoleon_attr_annotations = False  # shape strings are no markup
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_mock_imports = ["tensorboardX", "wandb"]  # of extras that the pages can do without
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

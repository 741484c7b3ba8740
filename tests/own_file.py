"""The network and the variant of docs/own_code.md, as one file that tests run and change."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "own_code.md"
_BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
TEXT = '"""My network and my variant."""\n\n' + "\n\n".join(_BLOCKS)

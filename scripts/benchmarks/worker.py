"""Process of one side: answers each line of JSON on standard input with one on standard output.

python -m scripts.benchmarks.worker MODULE SIZES
"""

import dataclasses
import importlib
import json
import os
import sys
from typing import Any

from scripts.benchmarks import work
from scripts.benchmarks.problems import Sizes
from scripts.benchmarks.work import Work, Works


def main() -> None:
    """Serves until the input ends."""
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    module = importlib.import_module(sys.argv[1])
    sizes = Sizes(**json.loads(sys.argv[2], object_hook=_tuples))
    work.shortest = sizes.shortest
    works: Works = module.works(sizes)
    ready: dict[tuple[str, str], Work] = {}
    for line in sys.stdin:
        print(json.dumps(_answer(works, ready, *json.loads(line))), file=answers, flush=True)


def _answer(
    works: Works, ready: dict[tuple[str, str], Work], verb: str, case: str, side: str
) -> Any:
    """Returns the answer to one request."""
    if verb == "list":
        return [list(pair) for pair in works]
    if verb == "prepare":
        ready[case, side] = works[case, side]()
        return None
    if verb == "facts":
        return dict(ready[case, side].facts())
    if verb == "repeat":
        return ready[case, side].take_repeat()
    if verb == "forget":
        del ready[case, side]
        return None
    raise ValueError(f"no such request: {verb}")


def _tuples(sizes: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in sizes.items()}


def sizes_argument(sizes: Sizes) -> str:
    """Returns sizes as a command-line argument of a worker."""
    return json.dumps(dataclasses.asdict(sizes))


if __name__ == "__main__":
    main()

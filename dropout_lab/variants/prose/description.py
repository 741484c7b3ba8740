"""The type of a variant's description."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Description:
    r"""A variant in words and in a formula.

    Attributes:
      op: The function in :mod:`dropout_lab.ops` that draws its noise; empty if there is none.
      noisy: What is noisy: a few words, for a row of a table.
      formula: The noise in LaTeX. ``p`` is the rate of dropping, ``m`` a Bernoulli variable that is
        1 with probability ``1 - p`` unless said otherwise, ``\epsilon`` a standard normal one.
      use: When to use it, and when not: a sentence or two.
      papers: Who proposed it, as "Authors year, arXiv:NUMBER"; empty if nobody did.
    """

    op: str
    noisy: str
    formula: str
    use: str
    papers: tuple[str, ...] = ()

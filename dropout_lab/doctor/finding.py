"""Findings of a check."""

import dataclasses
import enum


class State(enum.StrEnum):
    """Severity of a finding."""

    OK = "ok"
    ADVICE = "advice"
    BROKEN = "broken"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
      state: Its severity.
      text: What the check saw.
      cure: What to do about it; empty if all is well.
    """

    state: State
    text: str
    cure: str = ""

    def __str__(self) -> str:
        """Returns the finding as it is printed.

        >>> print(Finding(State.BROKEN, "flax is not installed", "pip install flax"))
        broken  flax is not installed
                cure: pip install flax
        """
        line = f"{self.state:<8}{self.text}"
        return f"{line}\n{'':8}cure: {self.cure}" if self.cure else line

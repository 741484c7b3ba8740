"""One thing that an examination found."""

import dataclasses
import enum


class State(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    ADVICE = "advice"
    BROKEN = "broken"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was looked at, and what to do about it.

    Attributes:
      state: How bad it is.
      text: What was found.
      cure: What to do; empty if all is well.
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

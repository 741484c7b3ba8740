import io
import time

from rich.console import Console

from dropout_lab.system.display import Display


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, text):
        raise OSError(5, "Input/output error")

    def isatty(self):
        return True


def test_a_terminal_that_goes_away_does_not_end_the_work(monkeypatch):
    whole = Console.__init__

    def on_gone(self, **options):
        whole(self, **options | {"file": Gone()})

    monkeypatch.setattr(Console, "__init__", on_gone)
    with Display(trials=2) as display:
        display.say("one")
        display.update(1, "half")
        display.say("two")


def test_without_a_terminal_a_line_is_printed_a_minute(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Display(trials=1, lines=True) as display:
        for now in range(0, 150, 10):
            display.update(0.5, f"after {now} s")
    with Display(trials=1) as display:
        display.update(0.5, "nothing")
    assert capsys.readouterr().err.splitlines() == ["after 0 s", "after 60 s", "after 120 s"]

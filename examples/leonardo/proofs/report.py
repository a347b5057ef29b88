"""What the demonstration prints: a proof begins with ✓ or ✗, and is wrapped for people."""
import sys
import textwrap
import time

WIDTH = 100  # columns


def wrapped(mark, text):
    return textwrap.fill(text, WIDTH, initial_indent=f"  {mark}  ", subsequent_indent="     ",
                         break_long_words=False, break_on_hyphens=False)


class Report:
    def __init__(self):
        self.started = time.monotonic()
        self.held = 0
        self.failed = []

    def section(self, title):
        print(f"\n== {title}  [{time.monotonic() - self.started:.0f} s]", flush=True)

    def say(self, text):
        for line in text.rstrip("\n").split("\n"):
            print(f"     {line}", flush=True)

    def prove(self, holds, text, why=""):
        """Prints the proof; `why` is shown when it does not hold."""
        if holds:
            self.held += 1
            print(wrapped("✓", text), flush=True)
        else:
            self.failed.append(text)
            print(wrapped("✗", f"{text}{': ' + why if why else ''}"), flush=True)
        return bool(holds)

    def require(self, holds, text):
        """Nothing when it holds, else a proof that does not: what a proof stands on is gone."""
        if not holds:
            self.prove(False, text)

    def finish(self):
        total = self.held + len(self.failed)
        print(f"\n{self.held} of {total} proofs held", flush=True)
        for text in self.failed:
            print(wrapped("✗", text), file=sys.stderr)
        return not self.failed

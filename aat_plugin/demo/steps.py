"""Steps that are commands: shown as a user would type them, logged, and not done again once they are finished.

A finished step leaves a marker that holds its command and those whose results it uses; when one of them changes, it
and what follows it run again. Read `run` next.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from aat_plugin.errors import AatError

Say = Callable[[str], None]


class DemoError(AatError):
    """A step of the demo failed; the text names it and its log."""


@dataclass
class Steps:
    """Runs one step after another.

    Attributes:
        logs: the folder for what each prints, and for the markers.
        say: shows a line to the user.
        typed: the commands so far, run or found done.
        seconds: step → how long it took when it ran, also in an earlier call.
    """

    logs: Path
    say: Say
    typed: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def log(self, name: str) -> Path:
        """What a step printed."""
        return self.logs / f"{name}.log"

    def run(self, name: str, command: Sequence[str], *, follow: str = "") -> None:
        """Run one command, unless it and all before it are done already.

        Args:
            name: of the step, its log and its marker.
            command: words; the first is a console script of this environment.
            follow: lines of its output that hold this word are shown in short as they come.

        Raises:
            DemoError: it ended with a status other than 0.
        """
        self.typed.append(shlex.join(command))
        if self._is_done(name):
            self.say(f"{name}: done already")
            return
        self.say(f"$ {self.typed[-1]}")
        started = time.monotonic()
        status = self._logged(command, self.log(name), follow)
        if status != 0:
            raise DemoError(f"{name} ended with status {status}: {last_line(self.log(name))} (all: {self.log(name)})")
        self._finish(name, time.monotonic() - started)

    def make(self, name: str, state: str, make: Callable[[], str]) -> None:
        """A step of our own: `make` does it and returns what to say; `state` takes the command's place."""
        self.typed.append(state)
        if self._is_done(name):
            self.say(f"{name}: done already")
            return
        started = time.monotonic()
        self.say(make())
        self._finish(name, time.monotonic() - started)

    def _state(self) -> str:
        return "\n".join(self.typed)

    def _is_done(self, name: str) -> bool:
        marker = self.logs / f"{name}.done"
        if not marker.is_file():
            return False
        seconds, _, state = marker.read_text(encoding="utf-8").partition("\n")
        self.seconds[name] = float(seconds)
        return state == self._state()

    def _finish(self, name: str, seconds: float) -> None:
        self.seconds[name] = seconds
        (self.logs / f"{name}.done").write_text(f"{seconds:.1f}\n{self._state()}", encoding="utf-8")
        self.say(f"{name}: {seconds:.0f} s")

    def _logged(self, command: Sequence[str], log: Path, follow: str) -> int:
        program = Path(sys.executable).parent / command[0]
        environment = {**os.environ, "OMP_NUM_THREADS": threads(), "PYTHONUNBUFFERED": "1"}
        with (
            log.open("w", encoding="utf-8") as file,
            subprocess.Popen(
                [str(program), *command[1:]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True,
            ) as process,
            _stopped_with_us(process),
        ):
            for line in process.stdout or ():
                file.write(line)
                if follow and follow in line:
                    self.say(f"  {progress(line)}")
        return process.returncode


def threads() -> str:
    """OMP_NUM_THREADS of the commands; one unless the user says otherwise.

    Two would be quicker on an idle machine alone, and sums in another order give another score.
    """
    return os.environ.get("OMP_NUM_THREADS", "1")


@contextmanager
def _stopped_with_us(process: subprocess.Popen[str]) -> Iterator[None]:
    """End the command, with the processes that it started, when this one is interrupted or told to end."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except BaseException:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)


def progress(line: str) -> str:
    """Update, perplexity and speed, out of a line of fairseq's log in its simple format."""
    words = (word.strip(",") for word in line.split())
    found = dict(word.split("=", 1) for word in words if "=" in word)
    update, perplexity, speed = (found.get(name, "?") for name in ("num_updates", "ppl", "wps"))
    return f"update {update}: perplexity {perplexity}, {speed} words/s"


def printed_json(log: Path) -> dict[str, Any]:
    """The JSON object in a log, among what libraries have to say."""
    text = log.read_text(encoding="utf-8")
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text, text.index("{"))[0]
    return found


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"

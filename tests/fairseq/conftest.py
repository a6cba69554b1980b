"""What every end-to-end test needs: a tiny corpus that fairseq-preprocess has binarised, and a way to run its commands.

`src` is a sentence of made-up words and `tgt` its words in reverse order, so that a few updates already lower the loss.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from warm_commands import WarmCommands, command_environment, command_path

import aat_plugin

WORDS = [first + vowel + last for first in "bdgk" for vowel in "aeiou" for last in "lnrs"]

FairseqCommand = Callable[..., "subprocess.CompletedProcess[str]"]


def write_parallel(folder: Path, split: str, lines: int, generator: random.Random) -> None:
    """Write `split`.src and `split`.tgt with `lines` sentences of 2 to 9 words."""
    sources = [generator.choices(WORDS, k=generator.randint(2, 9)) for _ in range(lines)]
    (folder / f"{split}.src").write_text("".join(" ".join(words) + "\n" for words in sources))
    (folder / f"{split}.tgt").write_text("".join(" ".join(reversed(words)) + "\n" for words in sources))


@pytest.fixture(scope="session")
def warm_commands() -> Iterator[WarmCommands]:
    """A process with fairseq loaded, from which commands are forked: most of a tiny run is the imports."""
    warm = WarmCommands(command_environment())
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def fairseq_command(warm_commands: WarmCommands) -> FairseqCommand:
    """`fairseq_command("fairseq-train", arg, …, check=True, timeout=120, cwd=None, env=None, stdin=None, first="")`.

    Output is captured as text; with `check` (the default) a failure shows the end of what the command printed. With
    `env`, the command starts in a fresh process, else in a fork of one that has fairseq loaded, where the Python code
    `first` may run before it.
    """

    def run(
        name: str,
        *args: object,
        check: bool = True,
        timeout: float = 120,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        first: str = "",
    ) -> subprocess.CompletedProcess[str]:
        line = [command_path(name), *(str(arg) for arg in args)]
        if env is None:
            done = warm_commands.finish(warm_commands.start(line, cwd=cwd, stdin=stdin, first=first), timeout)
        else:
            environment = command_environment(**env)
            done = subprocess.run(
                line, capture_output=True, text=True, timeout=timeout, cwd=cwd, env=environment, input=stdin
            )
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(line)}\nexit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    return run


@pytest.fixture(scope="session")
def user_dir() -> str:
    """The folder of the plugin, as it is given to `--user-dir`."""
    return str(Path(next(iter(aat_plugin.__path__))).resolve())


@pytest.fixture(scope="session")
def tiny_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with {train,valid,test}.{src,tgt}: 300, 40 and 25 sentences of plain text."""
    folder = tmp_path_factory.mktemp("text")
    generator = random.Random(1)
    for split, lines in {"train": 300, "valid": 40, "test": 25}.items():
        write_parallel(folder, split, lines, generator)
    return folder


def preprocess(run: FairseqCommand, text: Path, data_bin: Path, options: Iterable[str] = ()) -> Path:
    """Binarise the three splits of `text` into `data_bin`."""
    splits = [f"--{name}pref={text / name}" for name in ("train", "valid", "test")]
    run("fairseq-preprocess", "-s", "src", "-t", "tgt", *splits, "--destdir", data_bin, *options)
    return data_bin


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory, tiny_text: Path, fairseq_command: FairseqCommand) -> Path:
    """The binarised corpus of `tiny_text`, languages `src` and `tgt`, one shared dictionary of 88 entries."""
    return preprocess(fairseq_command, tiny_text, tmp_path_factory.mktemp("data") / "bin", ["--joined-dictionary"])

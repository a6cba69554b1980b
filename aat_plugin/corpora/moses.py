"""Moses' own perl programs as the tokeniser, where the user has them: `--moses DIR`. Read `tokenise` next.

They are run on blocks of lines, a process each, so that they work in parallel and a killed run goes on where it was.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aat_plugin.corpora.blocks import Block, joined
from aat_plugin.corpora.files import sha256
from aat_plugin.corpora.streams import Made
from aat_plugin.corpora.tokenise import clean
from aat_plugin.errors import ConfigError, DataError

PROGRAMS = ("normalize-punctuation.perl", "tokenizer.perl")
FOLDERS = ("scripts/tokenizer", "tokenizer", ".")
SECONDS = 600  # for one block


@dataclass(frozen=True)
class MosesBlock:
    """Work for `streams.transform`: as `tokenise.TokeniseBlock`, with perl.

    Attributes:
        language: a code such as `de`.
        lowercase: lower-case first.
        programs: the normaliser and the tokeniser.
        checksum: of both, so that other programs do the work over.
    """

    language: str
    lowercase: bool
    programs: tuple[str, str]
    checksum: str

    def __call__(self, block: Block) -> Made:
        """The block's tokens; counts `tokens`."""
        lines = [clean(line) for line in block.texts()]
        text = joined([line.lower() for line in lines] if self.lowercase else lines)
        for program, words in zip(self.programs, (["-l", self.language], ["-l", self.language, "-q"]), strict=True):
            text = _run([program, *words], text)
        if (count := text.count(b"\n")) != len(lines):
            raise DataError(f"{self.programs[1]} made {count} lines of {len(lines)} (from line {block.first}); "
                            "try it by hand, or leave --moses out")
        return Made((text,), {"tokens": len(text.split())})


def find(folder: Path, language: str, lowercase: bool) -> MosesBlock:
    """The work, with the programs of a folder: Moses' own, its scripts/, or one that holds the programs.

    Raises:
        ConfigError: they are not there, or there is no perl.
    """
    if shutil.which("perl") is None:
        raise ConfigError("--moses needs perl, which is not installed; leave it out for sacremoses")
    for below in FOLDERS:
        found = [folder / below / name for name in PROGRAMS]
        if all(path.is_file() for path in found):
            both = hashlib.sha256("".join(map(sha256, found)).encode()).hexdigest()
            return MosesBlock(language, lowercase, (str(found[0].resolve()), str(found[1].resolve())), both)
    raise ConfigError(f"--moses {folder} holds no scripts/tokenizer/{' and '.join(PROGRAMS)}; give a copy of Moses'")


def _run(program: list[str], text: bytes) -> bytes:
    try:
        done = subprocess.run(["perl", *program], input=text, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{program[0]} cannot be run ({error}); try it by hand, or leave --moses out") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
        raise DataError(f"{program[0]} failed ({said}); try it by hand, or leave --moses out")
    return done.stdout

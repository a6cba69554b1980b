"""CTranslate2 in the place of `bindings.translator.Translator`: subword lines in, hypotheses out.

`aat translate --engine` is built on it. The search is that of the convention which the model was trained with; limits
are each sentence's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from aat_plugin import conventions
from aat_plugin.bindings.translator import Search as Asked
from aat_plugin.bindings.translator import Translation
from aat_plugin.corpora import wordpiece
from aat_plugin.errors import ConfigError, choose
from aat_plugin.export.ctranslate2_engine import Engine, Search, int8_overflows
from aat_plugin.export.ctranslate2_folder import export_ctranslate2

BPE_MARK = "@@ "
COMPUTE = {"float32": "float32", "bf16": "bfloat16", "int8": "int8"}
"""`--precision` → CTranslate2's name."""


class CTranslate2Translator:
    """One model, as `Translator` is.

    Args:
        folder: what `aat export ctranslate2` made; or None to convert `checkpoint` for this while.
        checkpoint: the model.
        dictionaries: the folder of dict.xx.txt.
        languages: source and target.
        asked: how to search; None in it takes the convention's.
        device: "cpu", "cuda", or None for what there is.
        pieces: how words were cut, so how they are joined: `bpe` or `wordpiece`.

    Raises:
        CheckpointError: a file is missing, damaged or foreign.
        NotExpressibleError: CTranslate2 has no such model.
        ConfigError: a value that cannot work.
    """

    def __init__(
        self, folder: Path | None, checkpoint: Path, dictionaries: Path, languages: tuple[str, str], asked: Asked,
        device: str | None = None, pieces: str = "bpe",
    ) -> None:
        asked_for = None if asked.precision is None else choose("precision", asked.precision, COMPUTE)
        compute = "default" if asked_for is None else COMPUTE[asked_for]
        self._temporary = TemporaryDirectory() if folder is None else None
        if self._temporary is not None:
            folder = Path(self._temporary.name) / "ctranslate2"
            kind = "int8" if asked_for == "int8" else "float32"
            export_ctranslate2(checkpoint, folder, kind, dictionaries, languages, 7 if int8_overflows() else 8)
        assert folder is not None
        self.engine = Engine(folder, device=device or "auto", compute_type=compute, max_tokens=asked.max_tokens)
        self.nbest, self.pieces = asked.nbest, pieces
        self.search = _search(self.engine.convention, asked)

    @property
    def longest_source(self) -> int:
        """Tokens of the longest source, end symbol included."""
        return self.engine.longest_source

    def length(self, line: str) -> int:
        """Tokens of a line, end symbol included."""
        return len(line.split()) + 1

    def translate(self, lines: Sequence[str]) -> list[list[Translation]]:
        """The best hypotheses of each line, in the lines' order.

        Args:
            lines: subwords between blanks; none empty, none over `longest_source`.
        """
        found = self.engine.translate([line.split() for line in lines], self.search)
        join = partial(together, pieces=self.pieces)
        return [[Translation(one.score, join(one.tokens)) for one in best[: self.nbest]] for best in found]


def together(subwords: Sequence[str], pieces: str = "bpe") -> str:
    """Pieces as words, as fairseq joins them."""
    if pieces == "wordpiece":
        return wordpiece.join(" ".join(subwords))
    return f"{' '.join(subwords)} ".replace(BPE_MARK, "").strip()


def _search(convention: str, asked: Asked) -> Search:
    """What was asked for, and the convention's values for the rest."""
    generation = conventions.resolve(convention, "generation", {})
    rules = conventions.resolve(convention, "search", {})
    beam = int(generation["beam"]) if asked.beam is None else asked.beam
    if asked.nbest > beam:
        raise ConfigError(f"--nbest {asked.nbest} is more than --beam {beam} can give; raise the beam")
    return Search(
        beam=beam,
        alpha=float(generation["lenpen"]) if asked.lenpen is None else asked.lenpen,
        penalty=str(rules["length_penalty"]),
        max_len_a=float(generation["max_len_a"]) if asked.max_len_a is None else asked.max_len_a,
        max_len_b=float(generation["max_len_b"]) if asked.max_len_b is None else asked.max_len_b,
    )

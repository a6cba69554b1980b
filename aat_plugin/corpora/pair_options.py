"""What decides how a corpus of pairs is prepared, besides its files. Read `pairs` next."""

from __future__ import annotations

from dataclasses import dataclass

from aat_plugin.errors import ConfigError, choose

EMPTY = ("refuse", "drop", "keep")
DUPLICATES = ("keep", "drop")
PIECES = ("bpe", "wordpiece")
CODES = "bpecodes"
PIECE_FILES = {"bpe": CODES, "wordpiece": "wordpiece.model"}
"""The file that words are cut by."""


@dataclass(frozen=True)
class PairOptions:
    """What decides the outcome, besides the files.

    Attributes:
        source_lang, target_lang: codes such as `en` and `de`.
        merges: of byte-pair encoding, or how many word-pieces; 0 leaves whole words.
        lowercase: lower-case everything first.
        tokenise: False for text that is tokenised already.
        joined_dictionary: one dictionary for both languages, as the paper shares its embeddings (Section 3.4).
        empty: what to do with a training or validation pair that has an empty side.
        pieces: how words are cut: see `bpe` and `wordpiece`.
        longest: training pairs with more tokens (subwords) on a side are left out; 0: none.
        ratio: training pairs with a side so many times longer than the other are left out; 0: none.
        duplicates: whether training pairs that came before are left out.
        moses: a folder with Moses' perl programs; empty for sacremoses.
    """

    source_lang: str
    target_lang: str
    merges: int = 10_000
    lowercase: bool = False
    tokenise: bool = True
    joined_dictionary: bool = True
    empty: str = "refuse"
    pieces: str = "bpe"
    longest: int = 0
    ratio: float = 0.0
    duplicates: str = "keep"
    moses: str = ""

    def __post_init__(self) -> None:
        if self.merges < 0:
            raise ConfigError(f"--bpe {self.merges} must be at least 0 (0 leaves whole words)")
        for option, language in (("-s", self.source_lang), ("-t", self.target_lang)):
            if not language.replace("_", "").isalnum():
                raise ConfigError(f"{option} {language!r} is no language code such as en; fairseq names files by it")
        if self.source_lang == self.target_lang:
            raise ConfigError(f"both languages are '{self.source_lang}'; give -s and -t")
        choose("--empty", self.empty, EMPTY)
        choose("--pieces", self.pieces, PIECES)
        choose("--duplicates", self.duplicates, DUPLICATES)
        if self.longest < 0 or not (self.ratio == 0 or self.ratio >= 1):
            raise ConfigError(f"--max-len {self.longest} must be at least 0, and --ratio {self.ratio} 0 or at least 1")
        if self.moses and not self.tokenise:
            raise ConfigError("--moses names a tokeniser and --no-tokenize wants none; leave one out")

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.source_lang, self.target_lang

    @property
    def cleans(self) -> bool:
        """Whether training pairs are left out by their lengths."""
        return bool(self.longest or self.ratio)

    @property
    def codes(self) -> str:
        """The name of the file that words are cut by."""
        return PIECE_FILES[self.pieces]

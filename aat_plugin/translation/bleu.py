"""Section 6.1, Table 2: BLEU, by the protocol that a figure was published with.

- `paper`: tensor2tensor's get_ende_bleu.sh, which its authors name for the paper's figures: Moses' tokeniser without
  aggressive hyphens, `rich-text` → `rich ##AT##-##AT## text`, Moses' multi-bleu.perl.
- `multi-bleu`: the same without the compound split; what most papers call tokenised BLEU.
- `sacrebleu`: sacreBLEU's defaults, with its signature; the one to report today.
- `t2t`: tensor2tensor's own t2t-bleu: mteval-v14's international tokens, and a smoothing of missing n-grams.

N-grams are counted by sacreBLEU throughout. The tokenisers and lower-casing are in `bleu_tokens`, the comparison of two
systems is in `significance`, fairseq-generate's output is read by `generated`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from aat_plugin.errors import DataError, choose
from aat_plugin.translation import bleu_tokens

PROTOCOLS = ("paper", "multi-bleu", "sacrebleu", "t2t")
MOSES = "Moses' tokenizer.perl of December 2017 (sacremoses {sacremoses}), hyphens whole, escaped"
TOKENIZERS = {
    "paper": f"{MOSES}; then compounds split",
    "multi-bleu": MOSES,
    "sacrebleu": "mteval-v13a (sacreBLEU {sacrebleu})",
    "t2t": "mteval-v14's international one, as in tensor2tensor's bleu_hook.py",
}


@dataclass(frozen=True)
class Setting:
    """How to score.

    Attributes:
        protocol: one of `PROTOCOLS`.
        language: the target's, for Moses' tokeniser: `de`, `fr` …
        tokenized: the lines are split into words already, and no tokeniser may run.
        lowercase: compare without case. `paper` and `multi-bleu` lower ASCII letters alone, as `multi-bleu.perl -lc`.
    """

    protocol: str = "paper"
    language: str = "de"
    tokenized: bool = False
    lowercase: bool = False

    def __post_init__(self) -> None:
        choose("--protocol", self.protocol, PROTOCOLS)

    @property
    def moses(self) -> bool:
        """Whether this is multi-bleu.perl's count over Moses' tokens."""
        return self.protocol in ("paper", "multi-bleu")

    @property
    def tokenizer(self) -> str:
        """The tokeniser, in words."""
        if self.tokenized:
            return "none: the lines are tokens already" + ("; compounds split" if self.protocol == "paper" else "")
        return TOKENIZERS[self.protocol].format(sacremoses=version("sacremoses"), sacrebleu=version("sacrebleu"))


@dataclass(frozen=True)
class Score:
    """BLEU, its parts and chrF.

    Attributes:
        score: BLEU, 0 to 100.
        signature: what must be the same for two scores to be compared.
        precisions: of 1- to 4-grams, in percent.
        matches, totals: the numbers that the precisions are made of.
        brevity_penalty: exp(1 − reference length / hypothesis length), at most 1.
        hypothesis_length, reference_length: in tokens.
        chrf: chrF2 over the lines before they are tokenised, 0 to 100.
        chrf_signature: chrF's own.
    """

    score: float
    signature: str
    precisions: tuple[float, ...]
    matches: tuple[int, ...]
    totals: tuple[int, ...]
    brevity_penalty: float
    hypothesis_length: int
    reference_length: int
    chrf: float
    chrf_signature: str

    def __str__(self) -> str:
        """As multi-bleu.perl prints it."""
        ratio = self.hypothesis_length / self.reference_length
        return (
            f"BLEU = {self.score:.2f}, {'/'.join(f'{precision:.1f}' for precision in self.precisions)} "
            f"(BP={self.brevity_penalty:.3f}, ratio={ratio:.3f}, "
            f"hyp_len={self.hypothesis_length}, ref_len={self.reference_length})"
        )


def score(hypotheses: Sequence[str], references: Sequence[str], setting: Setting) -> Score:
    """BLEU of a system.

    Args:
        hypotheses, references: one sentence each, in the same order; text, or tokens where the setting says so.
        setting: the protocol and what goes with it.

    Raises:
        DataError: the numbers differ, there are none, or the references hold no word.
    """
    check_pairs(hypotheses, references)
    counted = metric(setting)
    result = counted.corpus_score(prepared(hypotheses, setting), [prepared(references, setting)])
    if result.ref_len == 0:
        raise DataError("the references hold no word, so there is nothing to compare with")
    chrf = CHRF(lowercase=setting.lowercase)
    chrf_result = chrf.corpus_score(list(hypotheses), [list(references)])
    return Score(
        score=float(result.score),
        signature=signature(setting, counted),
        precisions=tuple(result.precisions),
        matches=tuple(result.counts),
        totals=tuple(result.totals),
        brevity_penalty=float(result.bp),
        hypothesis_length=int(result.sys_len),
        reference_length=int(result.ref_len),
        chrf=float(chrf_result.score),
        chrf_signature=str(chrf.get_signature()),
    )


def check_pairs(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    """Raise DataError unless there is a reference for each hypothesis, and at least one."""
    if len(hypotheses) != len(references):
        raise DataError(f"there are {len(hypotheses)} hypotheses and {len(references)} references")
    if not hypotheses:
        raise DataError("there are no sentences to score")


def metric(setting: Setting) -> BLEU:
    """sacreBLEU's counter, set as the protocol wants it, for lines that `prepared` made."""
    if setting.protocol == "sacrebleu":
        tokenize = "none" if setting.tokenized else "13a"
        return BLEU(lowercase=setting.lowercase, tokenize=tokenize, force=setting.tokenized)
    return BLEU(tokenize="none", smooth_method="none" if setting.moses else "exp", force=True)


def prepared(lines: Sequence[str], setting: Setting) -> list[str]:
    """What the counter is given: tokens between single spaces, but for `sacrebleu`, which tokenises by itself."""
    if setting.protocol == "sacrebleu":
        return list(lines)
    if setting.protocol == "t2t":
        cased = [line.lower() for line in lines] if setting.lowercase else lines
        return [bleu_tokens.shielded(line if setting.tokenized else bleu_tokens.t2t(line)) for line in cased]
    tokens = list(lines) if setting.tokenized else bleu_tokens.moses(lines, setting.language)
    if setting.protocol == "paper":
        tokens = [bleu_tokens.split_compounds(line) for line in tokens]
    return [bleu_tokens.shielded(bleu_tokens.lower_ascii(line) if setting.lowercase else line) for line in tokens]


def signature(setting: Setting, counted: BLEU) -> str:
    """sacreBLEU's signature for its own protocol, and one in its manner for the others."""
    if setting.protocol == "sacrebleu":
        return str(counted.get_signature())
    lower = "lc-ascii" if setting.moses else "lc"
    tokens = "given"
    if not setting.tokenized:
        tokens = f"moses-2017-{setting.language}-sacremoses-{version('sacremoses')}" if setting.moses else "t2t-intl"
    parts = {
        "protocol": setting.protocol,
        "nrefs": "1",
        "case": lower if setting.lowercase else "mixed",
        "tok": tokens,
        "compounds": "##AT##" if setting.protocol == "paper" else "whole",
        "smooth": "none" if setting.moses else "exp",
        "version": version("sacrebleu"),
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())

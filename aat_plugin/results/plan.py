"""What an experiment will take: batches, memory, arithmetic and hours, before anything is trained. Sections 5.1, 5.2.

All of it follows from the composed config, the machine and a corpus's lengths; nothing is measured here. Read
`architecture.memory`, `architecture.cost` and `training.batching` for the rules, `cli.plan` for the command.
"""

from __future__ import annotations

import itertools
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.cost import operations, parameters
from aat_plugin.architecture.memory import Memory, training_memory
from aat_plugin.errors import ConfigError
from aat_plugin.results.gpus import GPUS

PADDING = 1.03
"""Padded tokens for each real one, at the most; see docs/batching.md for what was measured."""
LONGEST = 250
"""Tokens of the longest sentences that preparation keeps; a pack of them has the largest attention matrices."""
FITS = 0.9
"""Of a GPU's memory, what a plan fills; the rest is for CUDA itself and for what its allocator holds back."""
GPUS_OF_A_MACHINE = 8
PAPER_HOURS = {"base": 12.0, "big": 84.0}
"""Section 5.2, on 8 P100: 12 hours and 3.5 days."""


@dataclass(frozen=True)
class Corpus:
    """What is to be trained on.

    Attributes:
        pairs: sentence pairs.
        tokens: of the longer side, all of them.
        vocabulary: V.
        source: where this was read or assumed.
    """

    pairs: int
    tokens: int
    vocabulary: int
    source: str


ASSUMED = {
    "wmt14_en_de": Corpus(4_500_000, 4_500_000 * 28, 37_000, "assumed: the paper's pairs and types, 28 tokens each"),
    "wmt14_en_fr": Corpus(36_000_000, 36_000_000 * 31, 32_000, "assumed: the paper's pairs and types, 31 tokens each"),
}
"""Experiment → its corpus, where there is no data-bin yet. Pairs and types are the paper's, the lengths a guess."""


@dataclass(frozen=True)
class Batches:
    """How an update is cut for the machine.

    Attributes:
        gpus: devices.
        update_freq: micro-batches of an update on each.
        max_tokens: the most a pack may have, on its longer side.
        tokens_per_update: of the longer side.
        exact: whether updates have that many real tokens (Section 5.1), or only batches of max_tokens.
    """

    gpus: int
    update_freq: int
    max_tokens: int
    tokens_per_update: int
    exact: bool

    @property
    def tokens_per_pack(self) -> int:
        """Of the longer side, on average, padding included."""
        packs = self.gpus * self.update_freq
        return min(self.max_tokens, math.ceil(self.tokens_per_update * PADDING / packs))


@dataclass(frozen=True)
class Plan:
    """An experiment's needs.

    Attributes:
        experiment: its name.
        corpus: what it trains on.
        batches: for the machine.
        updates: of the run.
        updates_per_epoch: of the corpus.
        memory: of a device, by part; `memory_limit` is what it has, None where nobody said.
        parameters: of the model.
        operations: of an update.
        hours: GPU → hours of the whole run at `utilisation` of its peak, on `batches.gpus` of them.
        paper_hours: published for this model on 8 P100; None where there is none.
        launch: the line to type.
    """

    experiment: str
    precision: str
    corpus: Corpus
    batches: Batches
    updates: int
    updates_per_epoch: int
    memory: Memory
    memory_limit: int | None
    parameters: int
    operations: float
    utilisation: float
    hours: Mapping[str, float]
    paper_hours: float | None
    launch: str

    @property
    def fits(self) -> bool | None:
        """Whether a device's memory is enough; None where nobody said how much there is."""
        return None if self.memory_limit is None else self.memory.total <= FITS * self.memory_limit

    def as_json(self) -> dict[str, Any]:
        """Everything, with sums."""
        pack = self.batches.tokens_per_pack
        return {**asdict(self), "fits": self.fits, "total_memory": self.memory.total, "tokens_per_pack": pack}


@dataclass(frozen=True)
class Request:
    """What a config and a user ask for.

    Attributes:
        experiment, overrides: as they are given to fairseq-hydra-train.
        config: the model.
        precision: as `precision=` names it.
        batches: as the config has them.
        updates: of the run; 0 where the config has no limit.
        logit_rows: rows of logits at one time; None for all.
        paper_hours: published for this model on 8 P100; None where there are none.
        length_groups: different lengths of an update, where updates are exact.
    """

    experiment: str
    overrides: Sequence[str]
    config: TransformerConfig
    precision: str
    batches: Batches
    updates: int
    logit_rows: int | None
    paper_hours: float | None
    length_groups: int


def plan(request: Request, corpus: Corpus, memory_limit: int | None = None, utilisation: float = 0.3) -> Plan:
    """Plan a run; with a memory limit, update_freq is the lowest that fits.

    Args:
        request: what is wanted.
        corpus: what it trains on.
        memory_limit: of a device, in bytes; None leaves the config's batches, unless packs and lengths do not go
            together.
        utilisation: share of a GPU's peak that training reaches.

    Raises:
        ConfigError: not even a pack of one sentence fits.
    """
    packs, groups = request.batches.gpus * request.batches.update_freq, request.length_groups
    uneven = request.batches.exact and packs % groups != 0 and groups % packs != 0
    fitted = memory_limit is not None or uneven
    batches = _fitted(request, memory_limit or sys.maxsize) if fitted else request.batches
    mean_length = corpus.tokens / corpus.pairs
    work = operations(request.config, batches.tokens_per_update, batches.tokens_per_update, _over_tokens(mean_length))
    hours = {gpu.name: request.updates * work.update / (batches.gpus * gpu.peak(request.precision) * utilisation) / 3600
             for gpu in GPUS}  # fmt: skip
    return Plan(
        experiment=request.experiment,
        precision=request.precision,
        corpus=corpus,
        batches=batches,
        updates=request.updates,
        updates_per_epoch=math.ceil(corpus.tokens / batches.tokens_per_update),
        memory=memory(request, batches),
        memory_limit=memory_limit,
        parameters=parameters(request.config).total,
        operations=work.update,
        utilisation=utilisation,
        hours=hours,
        paper_hours=request.paper_hours,
        launch=launch_line(request, batches),
    )


def _over_tokens(mean_length: float) -> float:
    """The mean length over tokens rather than sentences: for log-normal lengths of σ 0.6, e^(σ²) times as long."""
    return mean_length * math.exp(0.36)


def memory(request: Request, batches: Batches) -> Memory:
    """A device's, for a pack of the longest sentences, which has the largest attention matrices."""
    shape = (math.ceil(batches.tokens_per_pack / LONGEST), LONGEST, LONGEST)
    return training_memory(request.config, shape, precision=request.precision, logit_rows=request.logit_rows)


def _fitted(request: Request, limit: int) -> Batches:
    """The config's batches with the lowest update_freq whose packs fit."""
    given = request.batches
    step = request.length_groups // math.gcd(given.gpus, request.length_groups) if given.exact else 1
    for update_freq in itertools.count(step, step):
        whole = given.tokens_per_update / (given.gpus * update_freq)
        found = Batches(given.gpus, update_freq, math.ceil((1.6 if given.exact else 1.0) * whole),
                        given.tokens_per_update, given.exact)  # fmt: skip
        if memory(request, found).total <= FITS * limit:
            return found
        if found.tokens_per_pack <= LONGEST:
            break  # a pack of one sentence cannot be smaller
    needed = memory(request, found).total / 2**30
    raise ConfigError(f"a device of {limit / 2**30:.1f} GiB cannot train this model: with packs of "
                      f"{found.tokens_per_pack} tokens it needs {needed / FITS:.1f} GiB; take a smaller scale=, half "
                      "precision= or a larger device")  # fmt: skip


def launch_line(request: Request, batches: Batches) -> str:
    """What to type: fairseq starts the devices of one machine itself, torch's launcher those of several."""
    words = list(request.overrides)
    if batches != request.batches:
        words += [f"optimization.update_freq=[{batches.update_freq}]", f"dataset.max_tokens={batches.max_tokens}"]
    typed = " ".join([request.experiment, *(shlex.quote(word) for word in words)])
    if batches.gpus <= GPUS_OF_A_MACHINE:
        return f'fairseq-hydra-train --config-dir "$(aat conf-dir)" --config-name {typed}'
    nodes = math.ceil(batches.gpus / GPUS_OF_A_MACHINE)
    return (f"scripts/launch_torchrun.sh --nodes {nodes} --nproc {math.ceil(batches.gpus / nodes)} "
            f"--master HOST:29500 -- {typed}")  # fmt: skip

"""fairseq's generator interface over `translation.beam_search`: what its commands call and print. Section 6.1.

`build_generator` is what the tasks' hook of that name calls. Read `generation_flags` for the options, `decoding_step`
for how models are run, `alignment` for --print-alignment and --replace-unk, `reference_scorer` for --score-reference.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from fairseq import utils
from fairseq.modules.fairseq_dropout import FairseqDropout
from omegaconf import DictConfig
from torch import Tensor

from aat_plugin.bindings import decoding_step, generation_flags
from aat_plugin.bindings.alignment import align
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.generation_flags import GenerationFlags
from aat_plugin.bindings.over_long import Entry, empty, fitting, select
from aat_plugin.bindings.precision import Precision
from aat_plugin.bindings.reference_scorer import ReferenceScorer
from aat_plugin.errors import ConfigError, UnsupportedOptionError
from aat_plugin.training.memory import KeptMemory
from aat_plugin.translation.beam_search import beam_search
from aat_plugin.translation.length_penalty import length_limits
from aat_plugin.translation.search_options import Constraint, Hypothesis, SearchOptions

ConstraintFor = Callable[[Mapping[str, Any], Tensor, Tensor], Constraint]
"""(sample, kept, limits) → what hypotheses may say: `kept` (sentences,) are the places in the batch of the sentences
that are searched, `limits` (sentences,) the most tokens of each before the end symbol; both on the search's device."""


@user_facing
def build_generator(
    task: Any,
    models: Sequence[Any],
    args: DictConfig | Namespace,
    *,
    search: Mapping[str, Any],
    convention: str | None = None,
    precision: str = "float32",
    extra_gen_cls_kwargs: Mapping[str, Any] | None = None,
    prefix_allowed_tokens_fn: Callable[..., Any] | None = None,
    constraint_for: ConstraintFor | None = None,
    keep_memory: bool = True,
) -> BeamSearchGenerator | ReferenceScorer:
    """The object whose `generate` fairseq calls.

    Args:
        task: gives dictionaries and the longest source.
        models: one, or an ensemble.
        args: see `generation_flags.read`.
        search: length_penalty, stop_rule and length_limit, resolved.
        convention: whose beam and lengths stand in where --eval-bleu-args names none; None for the paper's.
        precision: of our own models' matrix products; see `precision.Precision`.
        extra_gen_cls_kwargs: only symbols_to_strip_from_output is supported; others must be None.
        prefix_allowed_tokens_fn: must be None.
        constraint_for: makes the constraint of each batch, as Section 6.3's brackets need; None for a free search.
        keep_memory: whether freed memory stays in the process; see `training.memory`.

    Raises:
        UnsupportedOptionError: names what the plugin's search does not have.
        ConfigError: a value that cannot work.
    """
    flags = generation_flags.read(args, convention)
    extra = dict(extra_gen_cls_kwargs or {})
    strip = set(extra.pop("symbols_to_strip_from_output", None) or ())
    if extra.get("lm_model") is None:
        extra.pop("lm_weight", None)  # the commands always pass it beside lm_model
    for name, value in {**extra, "prefix_allowed_tokens_fn": prefix_allowed_tokens_fn}.items():
        if value is not None:
            raise UnsupportedOptionError(f"{name} is not supported by the plugin's beam search")
    if flags.retain_dropout:
        _require_dropout(models)
    longest = utils.resolve_max_positions(task.max_positions(), *(model.max_positions() for model in models))
    if flags.score_reference:
        return ReferenceScorer(models, task.target_dictionary, flags, longest, strip)
    return BeamSearchGenerator(models, task.target_dictionary, flags, search, longest[0], strip, precision,
                               constraint_for, keep_memory)


class BeamSearchGenerator:
    """The plugin's search as a fairseq generator.

    Args:
        models: one, or an ensemble.
        dictionary: the target's.
        flags: fairseq's.
        search: length_penalty, stop_rule and length_limit.
        longest_source: sources of more tokens (end symbol included) are not translated.
        strip: symbols that are not printed, besides the end symbol.
        precision, constraint_for, keep_memory: see `build_generator`.
    """

    def __init__(
        self,
        models: Sequence[Any],
        dictionary: Any,
        flags: GenerationFlags,
        search: Mapping[str, Any],
        longest_source: int,
        strip: set[int],
        precision: str = "float32",
        constraint_for: ConstraintFor | None = None,
        keep_memory: bool = True,
    ) -> None:
        self.precision, self.constraint_for = Precision(precision), constraint_for
        self._memory = KeptMemory(keep_memory)
        self.flags, self.length_limit, self.longest_source = flags, str(search["length_limit"]), longest_source
        self.pad, self.eos = dictionary.pad(), dictionary.eos()
        self.symbols_to_strip_from_output = strip | {self.eos}
        beam = min(flags.beam, len(dictionary) - 1)  # as in fairseq: padding is never said
        self.options = SearchOptions(
            beam=beam,
            nbest=min(flags.nbest, beam),
            alpha=flags.lenpen,
            length_penalty="none" if flags.unnormalized else str(search["length_penalty"]),
            stop_rule=str(search["stop_rule"]),
            min_len=flags.min_len,
            unk_penalty=flags.unkpen,
            no_repeat_ngram=flags.no_repeat_ngram_size,
            padding_idx=self.pad,
            end_idx=self.eos,
            unk_idx=dictionary.unk(),
            start_idx=self.eos,
        )
        self.ensemble = decoding_step.prepare(models, beam, flags.needs_alignment)

    @user_facing
    @torch.no_grad()
    def generate(
        self,
        models: Sequence[Any],
        sample: Mapping[str, Any],
        prefix_tokens: Tensor | None = None,
        constraints: Tensor | None = None,
        bos_token: int | None = None,
    ) -> list[list[Entry]]:
        """Translate a batch.

        Args:
            models: not used, as in fairseq's generators: the models are those that the generator was built with.
            sample: fairseq's; its net_input holds src_tokens (batch, src_len), padded on either side.
            prefix_tokens: (batch, width), what each translation begins with, filled up with padding.
            constraints: must be None.
            bos_token: what the decoder reads first; default the end symbol.

        Returns:
            For each sentence its hypotheses, best first, tensors on the CPU: at least --nbest where the search finds as
            many, at most --beam. A source that is too long has one empty hypothesis.

        Raises:
            UnsupportedOptionError: constraints, or attention that a model does not have.
            ConfigError: --min-len is above a sentence's length limit.
        """
        if constraints is not None:
            raise UnsupportedOptionError("constraints are not supported by the plugin's beam search")
        if self.flags.print_alignment == "soft" and "id" not in sample:
            raise UnsupportedOptionError("fairseq-interactive prints hard alignments only: use --print-alignment hard")
        self._memory.working(on_processor=sample["net_input"]["src_tokens"].device.type == "cpu")
        fits = fitting(sample, self.pad, {"source": self.longest_source})
        results: list[list[Entry]] = [[empty(self.eos)] for _ in range(len(fits))]
        if fits.any():
            net_input, kept = select(sample["net_input"], fits, self.pad)
            prefix = prefix_tokens if prefix_tokens is None else prefix_tokens[kept]
            found = self._search(sample, net_input, kept, prefix, bos_token)
            for place, entries in zip(kept.tolist(), found, strict=True):
                results[place] = entries
        return results

    def _search(
        self, sample: Mapping[str, Any], net_input: Mapping[str, Any], kept: Tensor, prefix: Tensor | None,
        bos_token: int | None,
    ) -> list[list[Entry]]:
        flags, options, src_tokens = self.flags, self.options, net_input["src_tokens"]
        limits = length_limits(
            self.length_limit, src_tokens, flags.max_len_a, flags.max_len_b,
            padding_idx=self.pad, end_idx=self.eos, longest=self.ensemble.max_decoder_positions() - 1,
        )  # fmt: skip
        lowest = int(limits.min())
        if lowest < options.min_len:
            raise ConfigError(
                f"--min-len {options.min_len} is above the length limit of a sentence, {lowest}; "
                "lower it or raise --max-len-a, --max-len-b"
            )
        if bos_token is not None:
            options = dataclasses.replace(options, start_idx=bos_token)
        steps = decoding_step.steps(self.ensemble, net_input, options.beam, flags.temperature, self.precision)
        constraint = None if self.constraint_for is None else self.constraint_for(sample, kept, limits)
        found = beam_search(steps, limits, options, prefix, constraint)
        sources = src_tokens.cpu()
        return [[self._entry(h, source) for h in hypotheses] for source, hypotheses in zip(sources, found, strict=True)]

    def _entry(self, hypothesis: Hypothesis, source: Tensor) -> Entry:
        """A hypothesis in fairseq's form; attention there is (src_len, tgt_len)."""
        attention, nothing = hypothesis.attention, torch.empty(0)
        return {
            "tokens": hypothesis.tokens,
            "score": torch.tensor(hypothesis.score, dtype=hypothesis.positional_scores.dtype),
            "attention": nothing if attention is None else attention.t(),
            "alignment": align(self.flags, attention, source, hypothesis.tokens, self.pad, self.eos),
            "positional_scores": hypothesis.positional_scores,
        }


def _require_dropout(models: Sequence[Any]) -> None:
    """--retain-dropout works through fairseq's dropout modules, which prepare_for_inference_ has switched on by now."""
    for model in models:
        modules = (module for module in model.modules() if isinstance(module, FairseqDropout))
        if not any(module.apply_during_inference for module in modules):
            raise UnsupportedOptionError(
                "--retain-dropout has no effect on this model, or not with these --retain-dropout-modules; leave it out"
            )

"""--score-reference: fairseq's scorer of given targets, with what the plugin's search adds to fairseq's search.

Read `generator` for the search itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from fairseq.sequence_scorer import SequenceScorer

from aat_plugin.bindings import decoding_step
from aat_plugin.bindings.alignment import align
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.generation_flags import GenerationFlags
from aat_plugin.bindings.over_long import Entry, empty, fitting, select
from aat_plugin.errors import ConfigError


class ReferenceScorer(SequenceScorer):
    """--score-reference: fairseq's scorer, with both kinds of alignment and an empty result for what is too long.

    Args:
        models: whose attention is asked for where an alignment is.
        dictionary: the target's.
        flags: fairseq's.
        longest: the most tokens (end symbol included) of a source and of a target.
        strip: symbols that are not printed, besides the end symbol.
    """

    def __init__(
        self,
        models: Sequence[Any],
        dictionary: Any,
        flags: GenerationFlags,
        longest: tuple[int, int],
        strip: set[int],
    ) -> None:
        super().__init__(dictionary, symbols_to_strip_from_output=strip)
        self.flags, self.longest = flags, longest
        decoding_step.prepare(models, flags.beam, flags.needs_alignment)

    @user_facing
    @torch.no_grad()
    def generate(self, models: Sequence[Any], sample: dict[str, Any], **_: Any) -> list[list[Entry]]:
        """Score each sentence's own target: the mean of its tokens' log-probabilities, as in fairseq.

        Raises:
            ConfigError: there are no targets.
        """
        if sample.get("target") is None:
            raise ConfigError("--score-reference needs target sentences, and these data have none")
        fits = fitting(sample, self.pad, {"source": self.longest[0], "target": self.longest[1]})
        results: list[list[Entry]] = [[empty(self.eos)] for _ in range(len(fits))]
        if not fits.any():
            return results
        net_input, kept = select(sample["net_input"], fits, self.pad)
        target = sample["target"][kept]
        width = net_input["prev_output_tokens"].ne(self.pad).any(dim=0)
        net_input["prev_output_tokens"], target = net_input["prev_output_tokens"][:, width], target[:, width]
        part = {**sample, "net_input": net_input, "target": target}
        for place, source, row, scored in zip(
            kept.tolist(), net_input["src_tokens"].cpu(), target, super().generate(models, part), strict=True
        ):
            (entry,) = scored
            attention = entry["attention"]
            if attention is not None:
                attention = attention[row.ne(self.pad)].float().cpu()
            tokens = entry["tokens"].cpu()
            entry["alignment"] = align(self.flags, attention, source, tokens, self.pad, self.eos)
            results[place] = [entry]
        return results

"""What a trained model attends to in a sentence, with its tokens as text: for Figures 3 to 5.

Translators and parsers alike; what the decoder reads is the model's own best output, or a target that is given. Read
`architecture.attention_record` for where the weights come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aat_plugin.architecture.attention_record import AttentionRecord
from aat_plugin.bindings.model import AatTransformerModel
from aat_plugin.bindings.parser import Parser, ParseSearch
from aat_plugin.bindings.translator import Search, Translator
from aat_plugin.corpora.system import System
from aat_plugin.errors import CheckpointError, DataError
from aat_plugin.parsing.raw_text import tokenise


@dataclass(frozen=True)
class Attended:
    """One sentence pair with its weights; `layers` first.

    Attributes:
        source: the source's tokens, end symbol included, (src_len).
        read: the tokens that the decoder reads, shifted right, (tgt_len).
        said: the tokens that it says from there, end symbol included, (tgt_len).
        encoder_self: (layers, heads, src_len, src_len).
        decoder_self: (layers, heads, tgt_len, tgt_len).
        cross: (layers, heads, tgt_len, src_len).
    """

    source: list[str]
    read: list[str]
    said: list[str]
    encoder_self: Tensor
    decoder_self: Tensor
    cross: Tensor


class AttentionReader:
    """A trained system whose weights can be read.

    Args:
        system: an opened one, translator or parser.
        device: "cpu", "cuda", or None for what there is.

    Raises:
        CheckpointError: the model is not the plugin's Transformer.
    """

    def __init__(self, system: System, device: str | None = None) -> None:
        self._encode = system.encoder() if system.kind == "pair" else None
        self.engine: Translator | Parser
        if system.kind == "pair":
            languages = (system.source_lang, system.target_lang)
            self.engine = Translator([system.model], system.folder, languages, Search(), device)
        else:
            self.engine = Parser([system.model], system.folder, ParseSearch(), device)
        model = self.engine.models[0]
        if not isinstance(model, AatTransformerModel):
            raise CheckpointError(
                f"{system.model} is {type(model).__name__}, whose attention cannot be read; `aat import fairseq` takes "
                "a stock transformer in"
            )
        self.model = model

    def words(self, line: str) -> list[str]:
        """The words of raw text: as its trees have them for a parser, else what stands between blanks."""
        return tokenise(line, self.engine.style) if isinstance(self.engine, Parser) else line.split()

    def read(self, line: str, target: str | None = None) -> Attended:
        """The weights for a line of raw text.

        Args:
            line: the source.
            target: what the decoder is given to say, raw text or a parser's symbols; default: its own best output.

        Raises:
            DataError: a blank line, or one that is too long for the model.
        """
        tokens = self._source(line)
        if tokens.numel() < 2 or tokens.numel() > self.engine.longest_source:
            raise DataError(f"the sentence has {tokens.numel() - 1} tokens; the model takes 1 to "
                            f"{self.engine.longest_source - 1}")
        said = self._said(line) if target is None else self._given(target)
        record = self._record(tokens, said)
        words = self.engine.task.target_dictionary
        spoken = [words[int(one)] for one in said]
        return Attended(
            self._names(line, tokens), [words[words.eos()], *spoken[:-1]], spoken,
            *(torch.cat(weights) for weights in (record.encoder_self, record.decoder_self, record.cross)),
        )  # fmt: skip

    @torch.no_grad()
    def encoder_weights(self, words: Sequence[str]) -> tuple[Tensor, list[int]]:
        """The encoder's self-attention for a sentence of words, as a tree has them.

        Returns:
            (layers, heads, src_len, src_len), and the word that each token belongs to; -1 for the end symbol.
        """
        pieces = [self._pieces(word) for word in words]
        dictionary, record = self.engine.task.source_dictionary, AttentionRecord()
        ids = [dictionary.index(piece) for one in pieces for piece in one]
        tokens = torch.tensor([[*ids, dictionary.eos()]], device=self.engine.device)
        self.model.encoder.encode(tokens, record)
        owners = [place for place, one in enumerate(pieces) for _ in one]
        return torch.cat(record.encoder_self).cpu(), [*owners, -1]

    def _names(self, line: str, tokens: Tensor) -> list[str]:
        """The source's tokens as text, (src_len); a translator's also where the dictionary does not know them."""
        dictionary = self.engine.task.source_dictionary
        known = [dictionary[int(one)] for one in tokens]
        return known if self._encode is None else [*self._encode(line).split(), known[-1]]

    def _source(self, line: str) -> Tensor:
        if isinstance(self.engine, Parser):
            return self.engine.tokens(self.words(line))
        assert self._encode is not None
        dictionary = self.engine.task.source_dictionary
        encoded: Tensor = dictionary.encode_line(self._encode(line), add_if_not_exist=False).long()
        return encoded

    def _pieces(self, word: str) -> list[str]:
        if isinstance(self.engine, Parser):
            dictionary = self.engine.task.source_dictionary
            return [dictionary[int(one)] for one in self.engine.tokens([word])[:-1]]
        assert self._encode is not None
        return self._encode(word).split()

    def _said(self, line: str) -> Tensor:
        """The model's best output, with end symbol."""
        dictionary = self.engine.task.target_dictionary
        if isinstance(self.engine, Parser):
            tree = self.engine.parse([self.words(line)])[0][0].tree
            symbols = self.engine.task.treebank.linearisation.symbols(tree)
            return torch.tensor([*map(dictionary.index, symbols), dictionary.eos()])
        tokens = self._source(line)
        dataset = self.engine.task.build_dataset_for_inference([tokens], [tokens.numel()])
        best: Any = self.engine.search(self.engine.generator, dataset, [tokens], tokens.numel())[0][0]
        return torch.as_tensor(best["tokens"]).long().cpu()

    def _given(self, target: str) -> Tensor:
        line = target if self._encode is None else self._encode.target(target)
        encoded: Tensor = self.engine.task.target_dictionary.encode_line(line, add_if_not_exist=False).long()
        return encoded

    @torch.no_grad()
    def _record(self, tokens: Tensor, said: Tensor) -> AttentionRecord:
        device, eos = self.engine.device, self.engine.task.target_dictionary.eos()
        read = torch.cat([said.new_tensor([eos]), said[:-1]])
        record = AttentionRecord()
        memory = self.model.encoder.encode(tokens[None].to(device), record)
        self.model.decoder.decode(read[None].to(device), memory, record=record)
        for weights in (record.encoder_self, record.decoder_self, record.cross):
            weights[:] = [one.cpu() for one in weights]
        return record

"""A further column of the training comparison: JoeyNMT's Transformer and loss, over the same dumped batches.

    PYTHON benchmarks/joeynmt_side.py tiny --vocabulary 9712 --batches batches.pt [--warm-up 3] [--updates 10]

PYTHON is one that has JoeyNMT (its requirements are not this project's): `pip install joeynmt` with the same torch.
Sizes, post-norm, tied embeddings, label smoothing 0.1, Adam and float32 as stock; an update is what its trainer does.
The line of JSON has train_side's keys.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from joeynmt.model import build_model
from joeynmt.vocabulary import Vocabulary
from measuring import measured
from sides import SIZES

PAD = 1
SYMBOLS = {"unk": 0, "pad": PAD, "bos": 2, "eos": 3, "sep": 4}
"""Only padding has to be fairseq's: the others are words like any here."""


class Words(Vocabulary):
    """JoeyNMT's vocabulary; its own way to take words in looks through all of them for each."""

    def add_tokens(self, tokens: list[str]) -> None:
        """Append words that are all different."""
        self._itos += tokens
        self._stoi |= {word: index for index, word in enumerate(self._itos)}


def vocabulary(size: int) -> Words:
    """Of `size` words, the special ones included."""
    names: dict[str, Any] = {f"{name}_id": index for name, index in SYMBOLS.items()}
    names |= {f"{name}_token": f"<{name}>" for name in SYMBOLS} | {"sep_token": None}
    words = [f"w{index}" for index in range(size - len(SYMBOLS) + 1)]
    return Words(words, SimpleNamespace(**names, lang_tags=[]))


def model(size: str, words: Words) -> Any:
    """The model as a configuration file of JoeyNMT's would name it."""
    d_model, d_ff, heads, layers, dropout = SIZES[size]
    stack = {
        "type": "transformer", "num_layers": layers, "num_heads": heads, "hidden_size": d_model, "ff_size": d_ff,
        "dropout": dropout, "layer_norm": "post", "embeddings": {"embedding_dim": d_model, "scale": True},
    }  # fmt: skip
    built = build_model(
        {"encoder": stack, "decoder": stack, "tied_embeddings": True, "tied_softmax": True}, words, words
    )
    built.loss_function = ("crossentropy", 0.1)
    return built.train()


def main() -> None:
    """Parse the words, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=list(SIZES))
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--batches", type=Path, required=True)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--updates", type=int, default=10)
    given = parser.parse_args()
    torch.manual_seed(1)
    words = vocabulary(given.vocabulary)
    assert len(words) == given.vocabulary
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trained = model(given.size, words).to(device)
    adam = torch.optim.Adam(trained.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)

    def update(batch: Any) -> float:
        source, before, target = (
            tensor.to(device)
            for tensor in (batch["net_input"]["src_tokens"], batch["net_input"]["prev_output_tokens"], batch["target"])
        )
        masks = {"src_mask": source.ne(PAD).unsqueeze(1), "trg_mask": target.ne(PAD).unsqueeze(1)}
        loss, _, _, _ = trained(
            return_type="loss", src=source, src_length=batch["net_input"]["src_lengths"].to(device), trg_input=before,
            trg=target, **masks,
        )  # fmt: skip
        loss = loss / batch["ntokens"]
        loss.backward()
        adam.step()
        trained.zero_grad()
        return float(loss.detach()) / math.log(2)

    batches = torch.load(given.batches, weights_only=True)
    figures = measured(update, batches, given.warm_up, given.updates)
    print(json.dumps({**figures, "vocabulary": given.vocabulary}))


if __name__ == "__main__":
    main()

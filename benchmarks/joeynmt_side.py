"""A further column of the training comparison: JoeyNMT's Transformer and loss, over the same dumped batches.

    PYTHON benchmarks/joeynmt_side.py tiny --vocabulary 9712 --batches batches.pt [--warm-up 3] [--updates 10]

PYTHON is one that has JoeyNMT (its requirements are not this project's): `pip install joeynmt` with the same torch.
Sizes, post-norm, tied embeddings, label smoothing 0.1, Adam and float32 as stock; an update is what its trainer does.
The line of JSON has train_side's keys.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from joeynmt.model import build_model
from joeynmt.vocabulary import Vocabulary
from other_loops import PAD, run
from sides import SIZES
from torch import Tensor

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


def model(size: str, types: int) -> Any:
    """The model as a configuration file of JoeyNMT's would name it."""
    words = vocabulary(types)
    assert len(words) == types
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


def loss(trained: Any, batch: Any, source: Tensor, before: Tensor, target: Tensor) -> Tensor:
    """What its trainer calls "tokens" normalisation."""
    summed, _, _, _ = trained(
        return_type="loss", src=source, src_length=batch["net_input"]["src_lengths"].to(source.device),
        src_mask=source.ne(PAD).unsqueeze(1), trg_input=before, trg=target, trg_mask=target.ne(PAD).unsqueeze(1),
    )  # fmt: skip
    return summed / batch["ntokens"]


if __name__ == "__main__":
    run(__doc__, model, loss)

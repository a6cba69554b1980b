"""A toy task inside the process: translate a sentence into its words in reverse order, with any of fairseq's models.

`trained` takes a few hundred updates on one core: enough for sentences that end, and far from certain, so that a search
has something to do.
"""

from __future__ import annotations

import functools
import random
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

import torch
from fairseq.data import Dictionary, data_utils
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY, fconv, lstm, transformer
from fairseq.sequence_generator import SequenceGenerator
from omegaconf import OmegaConf
from torch import nn

import aat_plugin

aat_plugin.register()
from aat_plugin.bindings import model as aat  # noqa: E402
from aat_plugin.bindings.generator import build_generator  # noqa: E402

PAD, EOS, UNK = 1, 2, 3
PAPER = {"length_penalty": "gnmt", "stop_rule": "bound", "length_limit": "sentence"}
FAIRSEQ = {"length_penalty": "power", "stop_rule": "count", "length_limit": "batch"}
LENGTHS = {"max_len_a": 1.0, "max_len_b": 4}
LONGEST = 40
RIVALS = ("gru", "bytenet", "extended_neural_gpu", "memory_network")
SIZES = {"dropout": 0.0, "max_source_positions": LONGEST, "max_target_positions": LONGEST}


def dictionary() -> Dictionary:
    """fairseq's four symbols and 40 words."""
    made = Dictionary()
    for index in range(40):
        made.add_symbol(f"w{index}")
    return made


class Task:
    """What a generator asks of a task."""

    source_dictionary = target_dictionary = dictionary()

    def max_positions(self) -> tuple[int, int]:
        """(source, target), with end symbols."""
        return LONGEST, LONGEST


def batch(lengths: list[int], seed: int, left_pad: bool = True) -> dict[str, Any]:
    """A sample of fairseq's form, longest sentence first, as its LSTM wants it."""
    generator = random.Random(seed)
    sources = [[generator.randint(4, 43) for _ in range(n)] for n in sorted(lengths, reverse=True)]
    targets = [torch.tensor([*reversed(words), EOS]) for words in sources]
    src = data_utils.collate_tokens([torch.tensor([*words, EOS]) for words in sources], PAD, EOS, left_pad=left_pad)
    previous = data_utils.collate_tokens(targets, PAD, EOS, move_eos_to_beginning=True)
    net_input = {"src_tokens": src, "src_lengths": src.ne(PAD).sum(1), "prev_output_tokens": previous}
    return {
        "id": torch.arange(len(lengths)) + 100,
        "nsentences": len(lengths),
        "net_input": net_input,
        "target": data_utils.collate_tokens(targets, PAD, EOS),
    }


def random_batch(size: int, seed: int, **more: Any) -> dict[str, Any]:
    """`size` sentences of 2 to 9 words."""
    generator = random.Random(-seed)
    return batch([generator.randint(2, 9) for _ in range(size)], seed, **more)


def stock_transformer() -> nn.Module:
    """fairseq's Transformer, one layer of width 32."""
    layer = {"layers": 1, "embed_dim": 32, "ffn_embed_dim": 64, "attention_heads": 2}
    sides = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in layer.items()}
    args = Namespace(**SIZES, **sides, share_all_embeddings=True)
    transformer.base_architecture(args)
    return transformer.TransformerModel.build_model(args, Task())


def aat_transformer() -> nn.Module:
    """The plugin's, of the same size."""
    sizes = {"num_layers": 1, "d_model": 32, "d_ff": 64, "num_heads": 2}
    cfg = OmegaConf.create({"model": OmegaConf.structured(aat.AatTransformerTinyConfig(**SIZES, **sizes))})
    return aat.AatTransformerTiny.build_model(cfg.model, Task())


def stock_lstm() -> nn.Module:
    """fairseq's LSTM with attention."""
    widths = ("encoder_embed_dim", "encoder_hidden_size", "decoder_embed_dim", "decoder_hidden_size")
    args = Namespace(**SIZES, **dict.fromkeys(widths, 32), decoder_out_embed_dim=32, criterion="cross_entropy")
    lstm.base_architecture(args)
    return lstm.LSTMModel.build_model(args, Task())


def stock_fconv() -> nn.Module:
    """fairseq's convolutional model."""
    layers = dict.fromkeys(("encoder_layers", "decoder_layers"), "[(32, 3)] * 2")
    widths = dict.fromkeys(("encoder_embed_dim", "decoder_embed_dim", "decoder_out_embed_dim"), 32)
    args = Namespace(**SIZES, **layers, **widths)
    fconv.base_architecture(args)
    return fconv.FConvModel.build_model(args, Task())


def rival(name: str) -> nn.Module:
    """One of the rivals, `aat_<name>`."""
    sizes: dict[str, Any] = {
        "gru": {"embed_dim": 32, "hidden_size": 32, "attention_size": 32, "decoder_layers": 2},
        "bytenet": {"embed_dim": 32, "encoder_blocks": 4, "decoder_blocks": 4, "length_ratio": 1.0},
        "extended_neural_gpu": {"embed_dim": 24, "num_layers": 1, "memory_width": 1, "length_ratio": 1.0},
        "memory_network": {"embed_dim": 32, "num_hops": 2},
    }[name]
    dataclass = MODEL_DATACLASS_REGISTRY[f"aat_{name}"]
    cfg = OmegaConf.create({"model": OmegaConf.structured(dataclass(**SIZES, **sizes))})
    return MODEL_REGISTRY[f"aat_{name}"].build_model(cfg.model, Task())


def trained(build: Callable[[], nn.Module], updates: int, seed: int = 1) -> nn.Module:
    """A model after `updates` of Adam on 48 sentences each."""
    torch.manual_seed(seed)
    model = build().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for update in range(updates):
        sample = random_batch(48, seed * 10_000 + update)
        log_probs = model.get_normalized_probs(model(**sample["net_input"]), log_probs=True)
        loss = nn.functional.nll_loss(log_probs.flatten(0, 1), sample["target"].flatten(), ignore_index=PAD)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert torch.isfinite(loss)
    return model.eval()


@functools.cache
def models(name: str) -> tuple[Any, ...]:
    """Trained models, made once: "stock", "ours", "two" (stock), "both" (kinds), "lstm", "fconv" and `RIVALS`."""
    makers = {
        "stock": (stock_transformer, 120, 1),
        "other": (stock_transformer, 60, 2),
        "ours": (aat_transformer, 120, 1),
        "lstm": (stock_lstm, 60, 1),
        "fconv": (stock_fconv, 15, 1),
    }
    ensembles = {"two": ("stock", "other"), "both": ("other", "ours")}
    if name in RIVALS:
        return (trained(functools.partial(rival, name), 25),)
    if name in ensembles:
        return tuple(models(part)[0] for part in ensembles[name])
    return (trained(*makers[name]),)


def ours(models: Sequence[Any], search: dict[str, str] = FAIRSEQ, **flags: Any) -> Any:
    """The plugin's generator."""
    return build_generator(Task(), models, Namespace(**{"beam": 5, "lenpen": 1.0, **LENGTHS, **flags}), search=search)


def theirs(models: Sequence[Any], **flags: Any) -> SequenceGenerator:
    """fairseq's generator under the same flags."""
    names = {"beam": "beam_size", "lenpen": "len_penalty", "unkpen": "unk_penalty"}
    given = {names.get(name, name): value for name, value in {"beam": 5, **LENGTHS, **flags}.items()}
    given["normalize_scores"] = not given.pop("unnormalized", False)
    return SequenceGenerator(models, Task.target_dictionary, **given)


def compare(found: list[Any], expected: list[Any]) -> tuple[int, int]:
    """How many hypotheses are the same, and of how many; those that are must agree in every number."""
    same = total = 0
    assert len(found) == len(expected)
    for mine, other in zip(found, expected, strict=True):
        assert len(mine) == len(other)
        for a, b in zip(mine, other, strict=True):
            total += 1
            if a["tokens"].tolist() == b["tokens"].tolist():
                same += 1
                torch.testing.assert_close(a["score"], b["score"], rtol=1e-5, atol=1e-5)
                torch.testing.assert_close(a["positional_scores"], b["positional_scores"], rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(a["attention"], b["attention"], rtol=1e-4, atol=1e-4)
    return same, total


def assert_as_stock(models: Sequence[Any], samples: list[Any], prefix: int = 0, **flags: Any) -> None:
    """At least 99.5 % of all n-best hypotheses are fairseq's; the rest are ties."""
    mine, stock = ours(models, **flags), theirs(models, **flags)
    same = total = 0
    for sample in samples:
        given = {"prefix_tokens": sample["target"][:, :prefix].clone() if prefix else None}
        one, all_ = compare(mine.generate(models, sample, **given), stock.generate(models, sample, **given))
        same, total = same + one, total + all_
    assert total > 0
    assert same >= 0.995 * total

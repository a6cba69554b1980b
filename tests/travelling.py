"""Small random models as checkpoint files, of ours and of stock fairseq's, and a data-bin's dictionaries for them."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import ARCH_CONFIG_REGISTRY
from fairseq.models.transformer import TransformerModel
from fairseq.models.transformer.transformer_legacy import base_architecture
from omegaconf import OmegaConf
from torch import nn

import aat_plugin

aat_plugin.register()
from aat_plugin.architecture import Transformer, TransformerConfig  # noqa: E402
from aat_plugin.bindings.model import AatTransformerConfig, transformer_config  # noqa: E402

PAD, EOS = 1, 2
WORDS = 16
LONGEST = 24
SMALL = dict(num_layers=2, d_model=16, d_ff=24, num_heads=2, max_source_positions=LONGEST, max_target_positions=LONGEST)


def dictionary(words: int = WORDS) -> Dictionary:
    """fairseq's four symbols and some words."""
    made = Dictionary()
    for index in range(words):
        made.add_symbol(f"w{index}", n=words - index)
    return made


def data_bin(folder: Path, source: int = WORDS, target: int = WORDS) -> Path:
    """A folder with dict.src.txt and dict.tgt.txt."""
    folder.mkdir(exist_ok=True)
    dictionary(source).save(str(folder / "dict.src.txt"))
    dictionary(target).save(str(folder / "dict.tgt.txt"))
    for name in ("train.src-tgt.src.bin", "train.src-tgt.tgt.bin"):  # by which fairseq infers the languages
        (folder / name).touch()
    return folder


def randomised(model: nn.Module, scale: float = 0.2) -> nn.Module:
    """Every parameter drawn at random, biases and norms too; in evaluation mode."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * scale)
    return model.eval()


def our_model(dialect: str = "paper", **options: Any) -> tuple[Transformer, TransformerConfig, dict[str, Any]]:
    """A random model of ours, its config, and its section as a checkpoint stores it."""
    asked = AatTransformerConfig(**{**SMALL, "convention": dialect, **options})
    config, stored = transformer_config(OmegaConf.structured(asked), *[dictionary()] * 2)
    section = {key: str(value).lower() if isinstance(value, bool) else value for key, value in stored.items()}
    return randomised(Transformer(config)), config, {"_name": "aat_transformer", **section}


def our_state(model: nn.Module, section: dict[str, Any], data: Path | str = "nowhere") -> dict[str, Any]:
    """What fairseq's trainer would have written."""
    task = {"_name": "aat_translation", "data": str(data), "source_lang": "src", "target_lang": "tgt"}
    task |= {"left_pad_source": "True", "left_pad_target": "False", "max_source_positions": LONGEST}
    sections = {
        "common": {"seed": 1, "user_dir": "somewhere"},
        "model": section,
        "task": {**task, "max_target_positions": LONGEST},
        "criterion": {"_name": "aat_label_smoothing", "label_smoothing": 0.1, "smoothing_mass": "all"},
        "optimizer": {"_name": "adam", "adam_betas": "(0.9, 0.98)"},
        "lr_scheduler": {"_name": "aat_noam", "warmup_updates": 400, "lr_factor": 1.0, "schedule_width": 16},
    }
    return {
        "args": None,
        "cfg": sections,
        "model": model.state_dict(),
        "criterion": None,
        "optimizer_history": [
            {
                "criterion_name": "AatLabelSmoothingCriterion",
                "optimizer_name": "FairseqAdam",
                "lr_scheduler_state": {"best": 4.0},
                "num_updates": 7,
            }
        ],
        "task_state": {},
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 3}},
    }


def save_ours(path: Path, data: Path | str, dialect: str = "paper", **options: Any) -> tuple[Transformer, Path]:
    """A random model of ours as a checkpoint."""
    model, _, section = our_model(dialect, **options)
    torch.save(our_state(model, section, data), path)
    return model, path


def build_stock(options: dict[str, Any], words: int = WORDS, arch: str = "transformer") -> TransformerModel:
    """fairseq's own Transformer over `dictionary`, built as its commands build it."""
    args = Namespace(**options)
    (ARCH_CONFIG_REGISTRY.get(arch) or base_architecture)(args)
    made = dictionary(words)
    return TransformerModel.build_model(args, Namespace(source_dictionary=made, target_dictionary=made)).eval()


def stock_options(**options: Any) -> dict[str, Any]:
    """A small stock Transformer's; names without a side count for both."""
    sized = {"embed_dim": 16, "ffn_embed_dim": 24, "layers": 2, "attention_heads": 2}
    made: dict[str, Any] = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in sized.items()}
    made |= {"max_source_positions": LONGEST, "max_target_positions": LONGEST, "share_all_embeddings": True}
    return {**made, "dropout": 0.1, **options}


def stock_state(model: TransformerModel, options: dict[str, Any], arch: str = "transformer") -> dict[str, Any]:
    """What fairseq-train --arch ARCH would have written: the model's section is a namespace of all options."""
    task = {"_name": "translation", "data": "nowhere", "source_lang": "src", "target_lang": "tgt"}
    return {
        "args": None,
        "cfg": {
            "_name": None,
            "common": {"_name": None, "seed": 1},
            "model": Namespace(arch=arch, _name=arch, **options),
            "task": {**task, "left_pad_source": True, "left_pad_target": False},
            "criterion": {"_name": "label_smoothed_cross_entropy", "label_smoothing": 0.1},
            "optimizer": {"_name": "adam", "adam_betas": [0.9, 0.98]},
            "lr_scheduler": {"_name": "inverse_sqrt", "warmup_updates": 10, "lr": [0.001]},
        },
        "model": model.state_dict(),
        "criterion": None,
        "optimizer_history": [
            {
                "criterion_name": "LabelSmoothedCrossEntropyCriterion",
                "optimizer_name": "FairseqAdam",
                "lr_scheduler_state": {"best": 4.0},
                "num_updates": 3,
            }
        ],
        "task_state": {},
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 3}, "val_loss": 4.0},
    }


def save_stock(path: Path, **options: Any) -> TransformerModel:
    """A random stock model as a checkpoint."""
    asked = stock_options(**options)
    model = randomised(build_stock(dict(asked)))
    torch.save(stock_state(model, asked), path)  # type: ignore[arg-type]
    return model  # type: ignore[return-value]


def batch(rows: int = 4, seed: int = 5, words: int = WORDS) -> tuple[torch.Tensor, torch.Tensor]:
    """Sources padded on the left and shifted targets padded on the right, as fairseq makes them."""
    draw = torch.Generator().manual_seed(seed)
    width = 9
    source = torch.full((rows, width), PAD)
    target = torch.full((rows, width), PAD)
    for row in range(rows):
        longest = (width - 1) if row == 0 else int(torch.randint(1, width - 1, (1,), generator=draw))
        source[row, width - longest - 1 :] = torch.tensor(
            [*torch.randint(4, 4 + words, (longest,), generator=draw).tolist(), EOS]
        )
        spoken = torch.randint(4, 4 + words, (longest,), generator=draw).tolist()
        target[row, : longest + 1] = torch.tensor([EOS, *spoken])
    return source, target


@torch.no_grad()
def logits(model: nn.Module, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of real target positions, one after another."""
    output = model(source, source.ne(PAD).sum(1), target)[0]
    return output[target.ne(PAD)]


def as_dict(section: Any) -> dict[str, Any]:
    """A dataclass as a plain dict."""
    return dataclasses.asdict(section)

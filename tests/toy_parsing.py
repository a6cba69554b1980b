"""A toy treebank as `aat prepare trees` writes it, and small parsers for it as checkpoints, made inside the process.

`trained` takes a hundred updates on one core: enough to say mostly trees, and far from certain, so that a search has
something to do and repair something to mend.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf
from torch import nn

import aat_plugin
from aat_plugin.cli.dispatch import main
from aat_plugin.parsing.trees import Tree

NOUNS, VERBS = ("dog", "cats", "birdhouse", "Fish"), ("sees", "hears", "likes")
TINY = (
    "--arch", "aat_transformer_tiny", "--num-layers", "1", "--d-model", "32", "--d-ff", "64", "--num-heads", "2",
    "--dropout", "0", "--criterion", "aat_label_smoothing", "--optimizer", "adam", "--adam-betas", "(0.9, 0.98)",
    "--adam-eps", "1e-9", "--lr-scheduler", "aat_noam", "--max-source-positions", "340", "--max-target-positions",
    "660", "--cpu",
)  # fmt: skip


def toy_trees(number: int, seed: int) -> Iterator[Tree]:
    """Sentences such as `the dog sees a cats in the birdhouse .`"""
    draw = random.Random(seed)

    def noun_phrase(depth: int) -> Tree:
        plain = Tree("NP", [Tree.leaf("DT", draw.choice(("the", "a"))), Tree.leaf("NN", draw.choice(NOUNS))])
        if depth < 2 and draw.random() < 0.4:
            return Tree("NP", [plain, Tree("PP", [Tree.leaf("IN", "in"), noun_phrase(depth + 1)])])
        return plain

    for _ in range(number):
        rest = [noun_phrase(0)] if draw.random() < 0.7 else []
        verb = Tree("VP", [Tree.leaf("VBZ", draw.choice(VERBS)), *rest])
        yield Tree("TOP", [Tree("S", [noun_phrase(0), verb, Tree.leaf(".", ".")])])


def prepare(root: Path, *options: str, silver: int = 0) -> Path:
    """The folder that `aat prepare trees` makes of 200, 20 and 24 toy trees, and `silver` silver ones."""
    root.mkdir(parents=True, exist_ok=True)
    words = ["prepare", "trees", "-o", str(root / "data"), "--workers", "1", *options]
    sizes = {"train": 200, "valid": 20, "test": 24, **({"silver": silver} if silver else {})}
    for seed, (split, number) in enumerate(sizes.items()):
        (root / f"{split}.trees").write_text("".join(f"{tree}\n" for tree in toy_trees(number, seed)))
        words += [f"--{split}", str(root / f"{split}.trees")]
    assert main(words) == 0
    return root / "data"


def configure(data: Path, *flags: object) -> Any:
    """The whole config of a training on prepared data, as fairseq-train composes it."""
    aat_plugin.register()
    words = [str(data / "data-bin"), "--task", "aat_parsing", *TINY, *map(str, flags)]
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), words))


def make_task(cfg: Any) -> Any:
    """The task of a config."""
    return tasks.setup_task(cfg.task)


def make_model(cfg: Any, task: Any, seed: int = 1) -> Any:
    """The config's model as initialised: an own Transformer, one layer of width 32."""
    torch.manual_seed(seed)
    return task.build_model(cfg.model).eval()


def train(task: Any, model: nn.Module, updates: int) -> nn.Module:
    """The model after `updates` of Adam on 32 sentences each."""
    task.load_dataset("train")
    dataset = task.datasets["train"]
    draw = random.Random(1)
    optimizer = torch.optim.Adam(model.train().parameters(), lr=3e-3)
    for _ in range(updates):
        sample = dataset.collater([dataset[index] for index in draw.sample(range(len(dataset)), 32)])
        log_probs = model.get_normalized_probs(model(**sample["net_input"]), log_probs=True)
        loss = nn.functional.nll_loss(log_probs.flatten(0, 1), sample["target"].flatten(), ignore_index=1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def save(path: Path, cfg: Any, model: nn.Module) -> Path:
    """A checkpoint as fairseq's trainer writes it."""
    history = {"num_updates": 0, "optimizer_name": "FairseqAdam", "lr_scheduler_state": {}}
    torch.save({
        "cfg": OmegaConf.to_container(cfg, resolve=True), "args": None, "model": model.state_dict(),
        "optimizer_history": [history], "extra_state": {}, "task_state": {},
    }, path)
    return path


def toy_parser(root: Path) -> SimpleNamespace:
    """Prepared `data` (subwords) and `words_data` (whole words), and checkpoints: `trained` and `untrained` of the
    first, `words` of the second, which is untrained too.
    """
    data, words_data = prepare(root / "subwords", "--bpe", "12"), prepare(root / "words", "--bpe", "0")
    cfg, words_cfg = configure(data), configure(words_data)
    task = make_task(cfg)
    return SimpleNamespace(
        data=data, words_data=words_data,
        trained=save(root / "trained.pt", cfg, train(task, make_model(cfg, task), 100)),
        untrained=save(root / "untrained.pt", cfg, make_model(cfg, task, seed=2)),
        words=save(root / "words.pt", words_cfg, make_model(words_cfg, make_task(words_cfg))),
    )

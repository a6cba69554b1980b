"""A wrong constant anywhere turns the table red: each is changed in the package's source, and its section compared."""

from __future__ import annotations

import importlib

import pytest
import torch
from mutation import mutated

from aat_plugin.conformance.comparisons import compare, comparisons

MUTATIONS = [
    # section, module, what it says, what it is changed to
    ("3.1", "architecture.stacks", "norm(summed)", "norm(x) + summed - x"),
    ("3.1", "architecture.stacks", "self.training else x + inner", "self.training else inner"),
    ("3.1", "architecture.masks", "diagonal=src_len - tgt_len + 1", "diagonal=src_len - tgt_len + 2"),
    ("3.1", "conventions", '"3.1", (1e-5, 1e-6,', '"3.1", (1e-6, 1e-6,'),
    ("3.1", "conventions", '"normalize_before", "model", "3.1", (False,', '"normalize_before", "model", "3.1", (True,'),
    ("3.2.1", "architecture.attention", "math.sqrt(query.size(-1))", "math.sqrt(query.size(-1) + 1)"),
    ("3.2.1", "architecture.attention", "(1.0 / math.sqrt(query.size(-1)))", "(1.0 / query.size(-1))"),
    ("3.2.2", "architecture.attention", ".transpose(1, 2).flatten(2)", ".flatten(1).view(1, 4, -1)"),
    ("3.2.3", "architecture.stacks", "sparse=sparse), padding", "sparse=sparse) + 1e-9 * src_tokens.size(1), padding"),
    ("3.2.3", "architecture.cache", "own[1][:, :, first:stop]", "own[1][:, :, first:stop].flip(2)"),
    ("3.3", "architecture.feed_forward", "F.relu(fc1(x), inplace=True)", "F.gelu(fc1(x))"),
    ("3.4", "architecture.embeddings", "math.sqrt(table.embedding_dim)", "math.sqrt(table.embedding_dim + 1)"),
    ("3.4", "conventions", '"3.5", (0, 0, 0, 2)', '"3.5", (1, 0, 0, 2)'),
    ("3.4", "architecture.config", "share_all_embeddings: bool = True", "share_all_embeddings: bool = False"),
    ("3.5", "architecture.positional_encoding", "BASE = 10000.0", "BASE = 9999.0"),
    ("3.5", "architecture.positional_encoding", "2.0 * pair / d_model", "2.0 * pair / (d_model - 2)"),
    ("3.5", "conventions", '("interleaved", "halves", "halves", "halves")', '("halves", "halves", "halves", "halves")'),
    ("3.5", "conventions", '"3.5", ("paper", "t2t", "t2t", "t2t")', '"3.5", ("t2t", "t2t", "t2t", "t2t")'),
    ("4", "architecture.restricted", "return Reach(size // 2,", "return Reach((size - 1) // 2,"),
    ("4", "architecture.restricted", "0 if causal else (size - 1) // 2)", "(size - 1) // 2)"),
    ("4", "architecture.restricted", "(1.0 / math.sqrt(query.size(-1)))", "(1.0 / query.size(-1))"),
    ("4", "architecture.restricted", "offset > near.before + near.after", "offset > near.before + near.after + 1"),
    ("4", "architecture.cache", "max(first, last - keep)", "max(first, last - keep + 1)"),
    ("5.3", "conventions", "(4000, 4000, 8000, 4000)", "(4001, 4000, 8000, 4000)"),
    ("5.3", "conventions", '"5.3", ("(0.9, 0.98)",', '"5.3", ("(0.9, 0.99)",'),
    ("3.1", "conventions", '"3.2.2", (False, True,', '"3.2.2", (True, True,'),
    ("3.1", "conventions", '("eos", "zero", "zero", "eos")', '("zero", "zero", "zero", "eos")'),
    ("3.1", "conventions", '(False, True, True, False)', '(True, True, True, False)'),
    ("3.1", "conventions", '"3.1", ("with_pre_norm",', '"3.1", ("always",'),
    ("5.4", "conventions", '"attention_dropout", "model", "5.4", (0.0,', '"attention_dropout", "model", "5.4", (0.1,'),
    ("5.4", "conventions", '"activation_dropout", "model", "5.4", (0', '"activation_dropout", "model", "5.4", (1'),
    ("5.3", "conventions", "(1e-9, 1e-9, 1e-9, 1e-8)", "(1e-8, 1e-9, 1e-9, 1e-8)"),
    ("5.3", "conventions", '"5.3", (1.0, 1.0, 2.0, 1.0)', '"5.3", (2.0, 1.0, 2.0, 1.0)'),
    ("5.3", "training.lr_schedule", "float(d_model) ** -0.5", "float(d_model) ** -0.51"),
    ("5.3", "training.lr_schedule", "float(warmup_steps) ** -1.5", "float(warmup_steps) ** -1.4999"),
    ("5.3", "bindings.lr_scheduler", "noam_rate(num_updates + 1,", "noam_rate(max(num_updates, 1),"),
    ("5.4", "architecture.config", "    dropout: float = 0.1", "    dropout: float = 0.2"),
    ("5.4", "architecture.stacks", "add_dropped(x, inner, self.dropout,", "add_dropped(x, inner, 0.0,"),
    ("5.4", "training.label_smoothing", "epsilon: float = 0.1", "epsilon: float = 0.11"),
    ("5.4", "training.label_smoothing", '{"all": 0, "others": 1,', '{"all": 1, "others": 1,'),
    ("5.4", "training.label_smoothing", '"others_but_pad": 2}[', '"others_but_pad": 1}['),
    ("5.4", "conventions", '("all", "others", "others", "others")', '("others", "others", "others", "others")'),
    ("5.4", "training.fused_loss", "return share, 1.0 - self.epsilon", "return share, 0.99 - self.epsilon"),
    ("6.1", "translation.averaging", ".div_(self.count)", ".div_(self.count + 1)"),
    ("6.1", "translation.length_penalty", "((5 + length) / 6) ** alpha", "((6 + length) / 6) ** alpha"),
    ("6.1", "translation.length_penalty", "((5 + length) / 6) ** alpha", "((5 + length) / 7) ** alpha"),
    ("6.1", "translation.finished", "length_penalty, step + 1, options.alpha", "length_penalty, step, 0.5"),
    ("6.1", "conventions", "(50, 50, 100, 200)", "(51, 50, 100, 200)"),
    ("6.1", "conventions", "(0.6, 0.6, 0.6, 1.0)", "(0.7, 0.6, 0.6, 1.0)"),
    ("6.1", "conventions", '"6.1", (4, 4, 4, 5)', '"6.1", (5, 4, 4, 5)'),
    ("6.1", "conventions", '("sentence", "batch", "batch", "batch")', '("batch", "batch", "batch", "batch")'),
    ("6.1", "conventions", '("bound", "bound", "bound", "count")', '("count", "bound", "bound", "count")'),
    ("6.2", "architecture.config", "d_ff: int = 2048", "d_ff: int = 2047"),
    ("6.2", "architecture.cost", "attention=3 * layers", "attention=2 * layers"),
    ("6.2", "bindings.model", "dropout: float = 0.3", "dropout: float = 0.2"),
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("section", "name", "old", "new"), MUTATIONS)
def test_a_changed_constant_turns_its_section_red(section, name, old, new):
    module = importlib.import_module(f"aat_plugin.{name}")
    chosen = [one for one in comparisons() if one.section == section]
    with mutated(module, old, new):
        outcomes = [compare(one) for one in chosen]
    assert not all(outcome.equal for outcome in outcomes), f"{old} → {new} went unnoticed"
    assert [outcome for outcome in map(compare, chosen) if not outcome.equal] == [], "the change was taken back"


def test_every_section_has_a_mutation():
    assert {section for section, *_ in MUTATIONS} >= {one.section for one in comparisons()}

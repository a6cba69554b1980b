"""Every composition of conf/: experiments × the options of each group, held against what reads them.

The oracles are written here again: Table 3's rows in full, the budgets, and which groups may write one key.
"""

from __future__ import annotations

import ast
import functools
import gc
import logging
import random
import runpy
import warnings
from pathlib import Path

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.dataclass.configs import FairseqConfig
from fairseq.dataclass.initialize import add_defaults, hydra_init
from fairseq.models import MODEL_REGISTRY
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import DictConfig, ListConfig, OmegaConf

import aat_plugin
from aat_plugin import conventions
from aat_plugin.bindings import config_check, governed, hydra_hook
from aat_plugin.bindings.translation_task import AatTranslationConfig

# fairseq relies on Hydra 1.1's matching of schemas by name; both say so at length.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
EXPERIMENTS = sorted(path.stem for path in CONF.glob("*.yaml"))
TYPED = ("system", "scale", "hardware", "precision", "variation", "convention")
CHOSEN = ("size", "recipe", "batch", "cells", "adam", "options", "launch")
"""Groups that users choose from, and groups that those choices select from."""

ROWS = {  # Table 3: N, d_model, d_ff, h, d_k, d_v, P_drop, ε_ls
    "base": (6, 512, 2048, 8, 64, 64, 0.1, 0.1), "A1": (6, 512, 2048, 1, 512, 512, 0.1, 0.1),
    "A2": (6, 512, 2048, 4, 128, 128, 0.1, 0.1), "A3": (6, 512, 2048, 16, 32, 32, 0.1, 0.1),
    "A4": (6, 512, 2048, 32, 16, 16, 0.1, 0.1), "B1": (6, 512, 2048, 8, 16, 64, 0.1, 0.1),
    "B2": (6, 512, 2048, 8, 32, 64, 0.1, 0.1), "C1": (2, 512, 2048, 8, 64, 64, 0.1, 0.1),
    "C2": (4, 512, 2048, 8, 64, 64, 0.1, 0.1), "C3": (8, 512, 2048, 8, 64, 64, 0.1, 0.1),
    "C4": (6, 256, 2048, 8, 32, 32, 0.1, 0.1), "C5": (6, 1024, 2048, 8, 128, 128, 0.1, 0.1),
    "C6": (6, 512, 1024, 8, 64, 64, 0.1, 0.1), "C7": (6, 512, 4096, 8, 64, 64, 0.1, 0.1),
    "D1": (6, 512, 2048, 8, 64, 64, 0.0, 0.1), "D2": (6, 512, 2048, 8, 64, 64, 0.2, 0.1),
    "D3": (6, 512, 2048, 8, 64, 64, 0.1, 0.0), "D4": (6, 512, 2048, 8, 64, 64, 0.1, 0.2),
    "E": (6, 512, 2048, 8, 64, 64, 0.1, 0.1), "big": (6, 1024, 4096, 16, 64, 64, 0.3, 0.1),
}
SCALES = {  # N, d_model, d_ff, h, P_drop
    "demo": (2, 128, 512, 4, 0.1), "tiny": (4, 128, 256, 4, 0.1),
    "base": (6, 512, 2048, 8, 0.1), "big": (6, 1024, 4096, 16, 0.3),
    "parsing": (4, 1024, 2048, 8, 0.1), "treebank": (3, 128, 512, 4, 0.1),
}

RIVALS = ("lstm", "conv", "gru", "bytenet", "extended_neural_gpu", "memory_network")
PARSERS = ("lstm", "conv")
PARSING = ("demo_parsing", "treebank_small", "wsj_parsing", "wsj_parsing_semi")
WITHOUT = {(experiment, system) for experiment in PARSING for system in RIVALS if system not in PARSERS}
"""Systems that have no sizes for an experiment: Hydra's error, never silence."""


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def leaves(node: object, prefix: str = "") -> dict[str, object]:
    """Dotted key → value, for every value that is set in a container."""
    if not isinstance(node, dict):
        return {} if node == "???" else {prefix: node}
    found: dict[str, object] = {}
    for key, value in node.items():
        found |= leaves(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def written(path: Path) -> dict[str, object]:
    """What one YAML sets itself."""
    content = OmegaConf.to_container(OmegaConf.load(path), resolve=False) if path.read_text().strip() else {}
    return {key: value for key, value in leaves(content or {}).items() if not key.startswith("defaults")}


@pytest.fixture(scope="module")
def composed():
    """`composed(experiment, override, …)`: the config as fairseq-hydra-train composes it."""
    logging.getLogger("hydra").setLevel(logging.WARNING)
    aat_plugin.register()
    hydra_hook.register_resolver()
    for name in EXPERIMENTS:
        hydra_init(name)

    def build(experiment: str, *overrides: str) -> DictConfig:
        return compose(experiment, overrides=list(overrides))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        start = initialize_config_dir(str(CONF), version_base="1.1")
    gc.freeze()  # torch's and fairseq's objects need no further visits: composing is a quarter quicker
    with start:
        yield build
    gc.unfreeze()


def as_trained(cfg: DictConfig) -> DictConfig:
    """What fairseq's train.main has after it filled in the defaults of the registered dataclasses."""
    plain = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))
    add_defaults(plain)
    return plain


def hold(experiment: str, cfg: DictConfig, variation: str) -> None:
    """What must be true of any composition."""
    config_check.check(cfg)
    OmegaConf.to_container(cfg, resolve=True)
    for key, value in written(CONF / f"{experiment}.yaml").items():
        if key == "optimization.max_update" and variation == "big":
            assert OmegaConf.select(cfg, key) == 300_000, "row big prints its own number of updates"
            continue
        assert OmegaConf.select(cfg, key) == value, f"{key} of {experiment} was lost to a group"
    for name in ("adam_betas", "adam_eps") if cfg.optimizer._name == "adam" else ():
        wanted = conventions.value(name, cfg.task.convention)
        given = cfg.optimizer[name]
        assert (ast.literal_eval(given) if isinstance(given, str) else given) == (
            ast.literal_eval(wanted) if isinstance(wanted, str) else wanted
        )


@pytest.mark.parametrize("group", TYPED)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_choice_composes_is_read_and_keeps_the_experiments_own_values(experiment, group, composed):
    for option in choices(group):
        if (experiment, option) in WITHOUT:
            with pytest.raises(MissingConfigException, match=rf"'(size|recipe)/{option}_"):
                composed(experiment, f"{group}={option}")
            continue
        hold(experiment, composed(experiment, f"{group}={option}"), option if group == "variation" else "base")


def test_a_sample_of_whole_combinations_does_too(composed):
    draw = random.Random(6)
    for _ in range(10):
        picked = {group: draw.choice(choices(group)) for group in TYPED}
        if not (CONF / f"cells/{picked['system']}_{picked['variation']}.yaml").exists():
            continue
        experiment = draw.choice(EXPERIMENTS)
        if not (CONF / f"size/{picked['system']}_{picked['scale']}.yaml").exists():
            continue
        if (experiment, picked["system"]) in WITHOUT:
            continue
        overrides = [f"{group}={option}" for group, option in picked.items()]
        hold(experiment, composed(experiment, *overrides), picked["variation"])


@pytest.mark.parametrize("row", sorted(ROWS))
def test_a_variation_is_its_row_of_table_3_on_the_base_model(row, composed):
    layers, width, inner, heads, d_k, d_v, dropout, smoothing = ROWS[row]
    cfg = as_trained(composed("wmt14_en_de_base", f"variation={row}"))
    model = cfg.model
    assert (model.num_layers, model.d_model, model.d_ff, model.num_heads) == (layers, width, inner, heads)
    assert (model.d_k or width // heads, model.d_v or width // heads) == (d_k, d_v)
    assert (model.dropout, cfg.criterion.label_smoothing) == (dropout, smoothing)
    assert str(model.learned_positions).lower() == ("true" if row == "E" else "none")
    assert cfg.optimization.max_update == (300_000 if row == "big" else 100_000)


@pytest.mark.parametrize("row", sorted(set(ROWS) - {"B1", "B2"}))
def test_stock_fairseq_takes_the_same_row_at_the_same_sizes(row, composed):
    layers, width, inner, heads, d_k, d_v, dropout, smoothing = ROWS[row]
    cfg = as_trained(composed("wmt14_en_de_base", "system=fairseq", f"variation={row}"))
    for side in ("encoder", "decoder"):
        sizes = [cfg.model[f"{side}_{key}"] for key in ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")]
        assert sizes == [layers, width, inner, heads]
        assert cfg.model.get(f"{side}_learned_pos", False) is (row == "E")
    assert width // heads == d_k == d_v, "stock's heads are as wide as the row prints them"
    assert (cfg.model.dropout, cfg.criterion.label_smoothing) == (dropout, smoothing)
    assert cfg.lr_scheduler.schedule_width == width, "Eq. 3 follows the width"


@pytest.mark.parametrize("row", ["B1", "B2"])
def test_a_variation_that_stock_fairseq_cannot_express_is_an_error(row, composed):
    with pytest.raises(MissingConfigException, match=f"cells/fairseq_{row}"):
        composed("wmt14_en_de_base", "system=fairseq", f"variation={row}")


def test_a_variation_states_only_the_cells_that_its_row_prints():
    for row, cells in ROWS.items():
        names = ("model.num_layers", "model.d_model", "model.d_ff", "model.num_heads", "model.d_k", "model.d_v",
                 "model.dropout", "criterion.label_smoothing")  # fmt: skip
        printed = {name for name, cell, base in zip(names, cells, ROWS["base"], strict=True) if cell != base}
        if row == "big":  # the row prints its six layers again, leaves d_k and d_v blank, and trains for longer
            printed |= {"model.num_layers", "optimization.max_update"}
        if row == "E":
            printed |= {"model.learned_positions"}
        assert set(written(CONF / f"cells/aat_{row}.yaml")) == printed, row


@pytest.mark.parametrize("scale", sorted(SCALES))
def test_both_systems_have_equal_sizes_at_each_scale(scale, composed):
    layers, width, inner, heads, dropout = SCALES[scale]
    ours = as_trained(composed("wmt14_en_de_base", f"scale={scale}")).model
    assert (ours.num_layers, ours.d_model, ours.d_ff, ours.num_heads) == (layers, width, inner, heads)
    stock = as_trained(composed("wmt14_en_de_base", "system=fairseq", f"scale={scale}")).model
    for side in ("encoder", "decoder"):
        sizes = [stock[f"{side}_{key}"] for key in ("layers", "embed_dim", "ffn_embed_dim", "attention_heads")]
        assert sizes == [layers, width, inner, heads]
    assert ours.dropout == stock.dropout == dropout


@pytest.mark.parametrize("dialect", conventions.DIALECTS)
def test_a_convention_resolves_to_the_tables_values(dialect, composed):
    cfg = as_trained(composed("wmt14_en_de_base", f"convention={dialect}"))
    for section in ("model", "criterion", "lr_scheduler"):
        for name, value in governed.resolve(cfg[section], section).items():
            assert value == conventions.value(name, dialect), name
    assert cfg.task.convention == dialect


def test_a_single_option_beats_the_convention_and_needs_no_plus(composed):
    cfg = as_trained(composed("wmt14_en_de_base", "convention=t2t_head", "lr_scheduler.warmup_updates=123",
                              "model.normalize_before=false", "optimizer.adam_eps=1e-7"))  # fmt: skip
    assert governed.resolve(cfg.lr_scheduler, "lr_scheduler") == {"warmup_updates": 123, "lr_factor": 2.0}
    assert governed.resolve(cfg.model, "model")["normalize_before"] is False
    assert cfg.optimizer.adam_eps == 1e-7


def test_a_misspelt_option_without_a_plus_is_hydras_error_and_names_it(composed):
    with pytest.raises(ConfigCompositionException, match=r"Could not override 'model\.droput'"):
        composed("wmt14_en_de_base", "model.droput=0.2")


@pytest.mark.parametrize(("budget", "tokens"), [("25k", 25_000), ("8k", 8_192), ("4k", 4_096), ("1k", 1_024)])
def test_a_budget_is_the_same_on_any_hardware(budget, tokens):
    for hardware in choices("hardware"):
        batch = OmegaConf.load(CONF / f"batch/{budget}_{hardware}.yaml")
        devices = OmegaConf.load(CONF / f"hardware/{hardware}.yaml").distributed_training.distributed_world_size
        packs = devices * batch.optimization.update_freq[0]
        if budget == "25k":  # Section 5.1's updates, in as many packs as they have lengths
            assert (batch.task.tokens_per_update, packs) == (tokens, AatTranslationConfig().length_groups)
            assert batch.dataset.max_tokens * packs == 1.6 * tokens
        else:
            assert batch.dataset.max_tokens * packs == tokens


def test_the_published_recipes_reach_the_groups(composed):
    french = as_trained(composed("wmt14_en_fr_big"))
    assert (french.model.dropout, french.model.d_model, french.optimization.max_update) == (0.1, 1024, 300_000)
    multi30k = as_trained(composed("multi30k_en_de", "convention=t2t_head"))
    assert (multi30k.model.dropout, multi30k.lr_scheduler.warmup_updates, multi30k.lr_scheduler.lr_factor) == (
        0.3, 2000, 2.5,
    )  # fmt: skip
    assert (multi30k.dataset.max_tokens, list(multi30k.optimization.update_freq)) == (4096, [2])


@pytest.mark.parametrize(("precision", "found"), [
    ("float32", ("float32", False, False, False)), ("bf16", ("bf16", False, False, False)),
    ("amp", ("float32", True, False, False)), ("fp16", ("float32", False, True, False)),
    ("bf16_model", ("float32", False, False, True)),
])  # fmt: skip
def test_a_precision_is_one_way_of_half_precision_and_not_two(precision, found, composed):
    cfg = as_trained(composed("wmt14_en_de_base", f"precision={precision}"))
    assert (cfg.task.precision, cfg.common.amp, cfg.common.fp16, cfg.common.bf16) == found


# Sections 5.2 to 5.4 and 6.1: updates, P_drop, a checkpoint every ten minutes at 0.4 and 1.0 s an update, how many of
# them are averaged.
TABLE_2 = {
    "wmt14_en_de_base": (100_000, 0.1, 1_500, 5), "wmt14_en_de_big": (300_000, 0.3, 600, 20),
    "wmt14_en_fr_base": (100_000, 0.1, 1_500, 5), "wmt14_en_fr_big": (300_000, 0.1, 600, 20),
}  # fmt: skip


@pytest.mark.parametrize("experiment", TABLE_2)
def test_an_experiment_of_table_2_has_every_constant_of_section_5(experiment, composed):
    updates, dropout, interval, averaged = TABLE_2[experiment]
    cfg = as_trained(composed(experiment))
    assert (cfg.optimization.max_update, cfg.model.dropout) == (updates, dropout)
    checkpoints = cfg.checkpoint
    assert (checkpoints.save_interval_updates, checkpoints.keep_interval_updates) == (interval, averaged)
    assert cfg.criterion.label_smoothing == 0.1
    assert (cfg.optimizer.adam_betas, cfg.optimizer.adam_eps) == ("(0.9, 0.98)", 1e-9)
    assert governed.resolve(cfg.lr_scheduler, "lr_scheduler") == {"warmup_updates": 4000, "lr_factor": 1.0}
    assert cfg.distributed_training.distributed_world_size == 8
    text = (CONF / f"{experiment}.yaml").read_text()
    assert f"P_drop {dropout}" in text
    assert f"the last {averaged} averaged" in text
    assert f"{updates:,} updates" in text


@pytest.mark.parametrize("experiment", ["wsj_parsing", "wsj_parsing_semi", "treebank_small"])
def test_parsing_has_room_for_its_longest_trees_and_keeps_the_best_by_f1(experiment, composed):
    cfg = as_trained(composed(experiment))
    assert cfg.task._name == "aat_parsing"
    assert (cfg.task.source_lang, cfg.task.target_lang, cfg.task.max_extra) == ("words", "symbols", 300)
    assert cfg.model.max_target_positions == cfg.task.max_target_positions >= 1024 + 300
    assert cfg.task.eval_f1
    assert (cfg.checkpoint.best_checkpoint_metric, cfg.checkpoint.maximize_best_checkpoint_metric) == ("f1", True)


@pytest.mark.parametrize("experiment", ["wsj_parsing", "wsj_parsing_semi"])
def test_the_papers_parser_has_the_papers_sizes(experiment, composed):
    model = as_trained(composed(experiment)).model
    assert (model.num_layers, model.d_model, model.d_ff, model.num_heads) == (4, 1024, 2048, 8)
    assert (as_trained(composed(experiment)).task.silver_ratio > 0) is experiment.endswith("semi")


@pytest.mark.parametrize("system", ["fairseq", "lstm", "conv", "gru", "bytenet"])
@pytest.mark.parametrize(("experiment", "types"), [("demo_translation", 800), ("multi30k_en_de", 9712)])
def test_systems_that_are_compared_have_the_transformers_parameters_within_five_percent(
    experiment, types, system, composed
):
    assert _parameters(composed, experiment, system, types) == pytest.approx(
        _parameters(composed, experiment, "aat", types), rel=0.05
    )


@pytest.mark.parametrize("system", RIVALS)
@pytest.mark.parametrize(("experiment", "published"), [("wmt14_en_de_base", 63.0e6), ("wmt14_en_de_big", 214.2e6)])
def test_each_rivals_base_and_big_are_near_the_papers(experiment, published, system, composed):
    assert _parameters(composed, experiment, system, 37_000) == pytest.approx(published, rel=0.051)


@pytest.mark.parametrize(("experiment", "words", "symbols"), [
    ("demo_parsing", 700, 60),  # the demo's trees
    ("treebank_small", 9024, 104),  # GUM: whole words, tags as leaves
    ("wsj_parsing", 16_384, 128),  # Section 6.3: a vocabulary of 16 thousand
])  # fmt: skip
def test_parsers_have_the_transformers_parameters(experiment, words, symbols, composed):
    ours = _parameters(composed, experiment, "aat", words, symbols)
    assert _parameters(composed, experiment, "fairseq", words, symbols) == pytest.approx(ours, rel=0.01)
    for system in PARSERS:
        assert _parameters(composed, experiment, system, words, symbols) == pytest.approx(ours, rel=0.05), system


def _parameters(composed, experiment: str, system: str, words: int, symbols: int | None = None) -> int:
    """Parameters of an experiment's model, built over dictionaries of these sizes; one if `symbols` is not given."""
    section = as_trained(composed(experiment, f"system={system}")).model
    if "length_ratio" in section:
        section.length_ratio = 1.0  # there is no corpus to fit it to
    with torch.device("meta"):
        model = MODEL_REGISTRY[section._name].build_model(section, _Sizes(words, symbols))
    return sum(one.numel() for one in model.parameters())


class _Sizes:
    """Dictionaries of any size."""

    def __init__(self, words: int, symbols: int | None) -> None:
        self.source_dictionary = _dictionary(words)
        self.target_dictionary = self.source_dictionary if symbols is None else _dictionary(symbols)

    def max_positions(self) -> tuple[int, int]:
        return 1024, 1536

    def leaf_symbols(self) -> list[int]:
        return [4]


@functools.cache
def _dictionary(size: int) -> Dictionary:
    made = Dictionary()
    for number in range(size - len(made)):
        made.add_symbol(f"{number}")
    return made


def test_convolution_keeps_its_own_optimiser_and_the_other_rivals_adam(composed):
    conv = as_trained(composed("wmt14_en_de_base", "system=conv"))
    assert (conv.optimizer._name, conv.optimizer.momentum, conv.optimization.clip_norm) == ("nag", 0.99, 0.1)
    assert (list(conv.optimization.lr), conv.lr_scheduler._name) == ([0.25], "reduce_lr_on_plateau")
    assert "adam_betas" not in conv.optimizer
    for system in set(RIVALS) - {"conv"}:
        cfg = as_trained(composed("wmt14_en_de_base", f"system={system}"))
        assert (cfg.optimizer._name, cfg.optimization.clip_norm) == ("adam", 1.0), system


@pytest.mark.parametrize("system", RIVALS)
def test_every_rival_trains_with_label_smoothing_of_a_tenth(system, composed):
    assert as_trained(composed("multi30k_en_de", f"system={system}")).criterion.label_smoothing == 0.1


def test_dropout_comes_from_the_size_then_the_recipe_then_table_3_then_the_command_line(composed):
    def dropout(*overrides: str) -> float:
        return as_trained(composed("multi30k_en_de", *overrides)).model.dropout

    assert dropout() == 0.3, "the recipe's, over the size's 0.1"
    assert dropout("variation=D2") == 0.2
    assert dropout("variation=D2", "model.dropout=0.15") == 0.15


def test_two_groups_write_one_key_only_where_the_documentation_says_so():
    owners: dict[str, set[str]] = {}
    for group in (*TYPED, *CHOSEN):
        for name in choices(group):
            for key in written(CONF / group / f"{name}.yaml"):
                owners.setdefault(key, set()).add(group)
    text = (ROOT / "docs/configuration.md").read_text()
    for key, groups in owners.items():
        if len(groups) > 1:
            assert groups <= {"system", "size", "recipe", "cells"}, f"{key} is written by {sorted(groups)}"
    shared = {key for key, groups in owners.items() if len(groups) > 1}
    assert {"model.dropout", "criterion.label_smoothing"} <= shared
    assert "system → size → recipe → cells → what you type" in text


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_states_data_and_budget_and_leaves_the_model_to_the_groups(experiment):
    path = CONF / f"{experiment}.yaml"
    sections = {key.split(".")[0] for key in written(path)}
    assert not sections & {"model", "criterion", "optimizer", "lr_scheduler", "hydra"}
    defaults = OmegaConf.load(path).defaults
    assert isinstance(defaults, ListConfig)
    assert defaults[0] == "_self_", "a later _self_ would override the groups"
    first, second = path.read_text().splitlines()[:2]
    assert first.startswith("# ")
    assert f"--config-name {experiment}" in first
    assert second.startswith(("# Published", "# Expected"))
    assert {"task.data", "checkpoint.save_dir", "optimization.max_update"} <= set(written(path))


def test_paths_are_relative_and_hydra_stays_where_it_was_started(composed):
    cfg = compose("demo_translation", return_hydra_config=True)
    assert cfg.hydra.run.dir == "."
    assert cfg.hydra.job.chdir is False
    assert cfg.hydra.output_subdir is None
    assert cfg.common.user_dir == str(Path(aat_plugin.__file__).parent)
    for experiment in EXPERIMENTS:
        cfg = composed(experiment)
        assert not Path(cfg.task.data).is_absolute()
        assert not Path(cfg.checkpoint.save_dir).is_absolute()


def test_every_group_file_opens_with_its_package_and_says_what_it_is():
    for path in CONF.glob("*/*.yaml"):
        first, second = path.read_text().splitlines()[:2]
        assert first == "# @package _global_", path
        assert second.startswith("# "), path
        assert {key.split(".")[0] for key in written(path)} <= {*FairseqConfig.__dataclass_fields__, "hydra"}, path


def test_the_declared_options_are_those_of_the_code():
    script = runpy.run_path(str(ROOT / "scripts/write_conf_options.py"))
    assert choices("options") == sorted(script["OPTIONS"])
    for name in script["OPTIONS"]:
        assert (CONF / f"options/{name}.yaml").read_text() == script["text"](name), (
            f"conf/options/{name}.yaml is behind the code: run scripts/write_conf_options.py"
        )

"""What a checkpoint may hold: an allow-list of classes for unpickling, and plain literals where fairseq calls `eval`.

Two doors lead from a downloaded checkpoint to running code. Unpickling is the first: torch's safe loading is always on,
and `FILE_CLASSES` names the few classes that it needs besides tensors and plain values. The second is fairseq itself,
which evaluates strings of the stored configuration while it builds the model, the task or the optimizer (`EVALUATED`);
they are checked as soon as the file is read, before anything is built. Read `checkpoint` next.
"""

from __future__ import annotations

import argparse
import ast
import collections
import typing
from collections.abc import Callable, Iterator

import numpy as np
import omegaconf
import torch
from fairseq.distributed import utils as distributed_utils

from aat_plugin.errors import UnsafeCheckpointError

# What torch.serialization takes: a class, or a class and the name it is stored under.
Allowed = Callable[..., object] | tuple[Callable[..., object], str]

_reconstruct = typing.cast("Callable[..., object]", np.empty(0).__reduce__()[0])

FILE_CLASSES: tuple[tuple[Allowed, str], ...] = (
    (argparse.Namespace, "the options of stock architectures without a dataclass, e.g. `--arch transformer`"),
    (np.ndarray, "the sums that --eval-bleu keeps in the meters"),
    (np.dtype, "part of every array"),
    ((_reconstruct, "numpy._core.multiarray._reconstruct"), "how numpy 2 pickles an array"),
    ((_reconstruct, "numpy.core.multiarray._reconstruct"), "how numpy 1 pickled an array"),
    (type(np.dtype("int64")), "n-gram counts of --eval-bleu; safe loading asks for the class of each dtype"),
    (type(np.dtype("int32")), "counts on platforms whose C long has 32 bits"),
    (type(np.dtype("float64")), "averages of meters"),
    (type(np.dtype("float32")), "averages of tensors that were turned into arrays"),
    (type(np.dtype("bool")), "masks"),
)

BROADCAST_CLASSES: tuple[tuple[Allowed, str], ...] = (
    (omegaconf.DictConfig, "the configuration, which rank 0 has already built from the file's plain dict"),
    (omegaconf.ListConfig, "lists in it"),
    (omegaconf.nodes.AnyNode, "values in it"),
    (omegaconf.base.ContainerMetadata, "every container's metadata"),
    (omegaconf.base.Metadata, "every value's metadata"),
    (typing.cast("Allowed", typing.Any), "the element type in that metadata"),
    (collections.defaultdict, "flags in that metadata"),
    (dict, "the object type in that metadata"),
    (list, "the object type in that metadata"),
    (int, "the default factory in that metadata"),
    (distributed_utils._TensorPlaceholder, "stands for a tensor that is sent on its own"),
)
"""What one process of a run sends another, in memory; a file never holds these."""

EVALUATED: dict[str, str] = {
    # models/fconv.py, fconv_lm.py, fconv_self_att.py
    "encoder_layers": "models/fconv.py, models/fconv_self_att.py",
    "decoder_layers": "models/fconv.py, models/fconv_lm.py, models/fconv_self_att.py",
    "encoder_attention": "models/fconv_self_att.py",
    "decoder_attention": "models/fconv.py, models/fconv_lm.py, models/fconv_self_att.py, models/lstm.py",
    "self_attention": "models/fconv_self_att.py",
    "gated_attention": "models/fconv_self_att.py",
    "project_input": "models/fconv_self_att.py",
    "downsample": "models/fconv_self_att.py",
    "pretrained": "models/fconv_self_att.py",
    # utils.eval_str_list, eval_str_dict, eval_bool
    "adaptive_softmax_cutoff": "models/transformer, models/lstm.py, models/lightconv.py, models/fconv_lm.py",
    "adaptive_input_cutoff": "models/transformer_lm.py, models/lightconv_lm.py",
    "xformers_att_config": "modules/multihead_attention.py",
    "encoder_xformers_att_config": "modules/multihead_attention.py",
    "decoder_xformers_att_config": "modules/multihead_attention.py",
    "left_pad_source": "tasks/multilingual_translation.py, tasks/online_backtranslation.py",
    "left_pad_target": "tasks/multilingual_translation.py, tasks/online_backtranslation.py",
    "pipeline_balance": "distributed/utils.py, model_parallel/models/pipeline_parallel_transformer",
    "pipeline_devices": "distributed/utils.py, model_parallel/models/pipeline_parallel_transformer",
    "pipeline_encoder_balance": "model_parallel/models/pipeline_parallel_transformer",
    "pipeline_encoder_devices": "distributed/utils.py, model_parallel/models/pipeline_parallel_transformer",
    "pipeline_decoder_balance": "model_parallel/models/pipeline_parallel_transformer",
    "pipeline_decoder_devices": "distributed/utils.py, model_parallel/models/pipeline_parallel_transformer",
    # language models over characters, speech
    "character_filters": "models/transformer_lm.py, models/lightconv_lm.py",
    "conv_feature_layers": "models/wav2vec, models/hubert, models/multires_hubert, models/speech_to_text",
    "conv_aggregator_layers": "models/wav2vec/wav2vec.py",
    "override_encoder_layers": "models/multires_hubert/multires_hubert.py",
    "feature_encoder_spec": "data/audio/raw_audio_dataset.py, examples/data2vec",
    "wer_args": "criterions/ctc.py",
    # optimizers
    "adam_betas": "optim/adam.py, optim/cpu_adam.py",
    "adamax_betas": "optim/adamax.py",
    "adafactor_eps": "optim/adafactor.py",
    "lamb_betas": "optim/fused_lamb.py",
    # commands, and the examples that fairseq ships
    "model_overrides": "fairseq_cli/validate.py, fairseq_cli/eval_lm.py",
    "decoder_zero_init": "examples/laser",
    "conv_enc_config": "examples/speech_recognition/models/w2l_conv_glu_enc.py",
    "conv_dec_config": "examples/speech_recognition/models/vggtransformer.py",
    "vggblock_enc_config": "examples/speech_recognition/models/vggtransformer.py",
    "transformer_enc_config": "examples/speech_recognition/models/vggtransformer.py",
    "transformer_dec_config": "examples/speech_recognition/models/vggtransformer.py",
    "transformer_context": "examples/speech_recognition/models/vggtransformer.py",
    "transformer_sampling": "examples/speech_recognition/models/vggtransformer.py",
}
"""Option -> where fairseq evaluates it; a test reads fairseq's sources and fails where one is missing here."""

MAX_LITERAL_LENGTH = 10_000
MAX_LITERAL_ITEMS = 10_000


def allow_file_classes() -> None:
    """Let torch's safe loading accept `FILE_CLASSES`; a second call changes nothing."""
    torch.serialization.add_safe_globals([allowed for allowed, _ in FILE_CLASSES])


def check_config(config: object, path: str) -> None:
    """Refuse a stored configuration (nested dicts, lists, namespaces) that would run code or look at this machine.

    Args:
        config: a checkpoint's `cfg` or `args`, as it was unpickled.
        path: the file it came from, for the message.

    Raises:
        UnsafeCheckpointError: names the file, the option and its value.
    """
    for name, value in _options(config):
        if isinstance(value, str) and "${" in value:
            # fairseq stores resolved values; an interpolation would read e.g. an environment variable of this machine.
            raise _refusal(path, name, value, "is an interpolation")
        if name.rpartition(".")[2] == "dataset_impl" and value == "fasta":
            # data/fasta_dataset.py puts the path of the data, which is stored as well, into a shell's command line.
            raise _refusal(path, name, value, "hands stored text to a shell (fairseq's data/fasta_dataset.py)")
        if name.rpartition(".")[2] == "post_save_script" and value:
            raise _refusal(path, name, value, "is a command that would be run (fairseq's tasks/audio_pretraining.py)")
    check_evaluated(config, path)


def check_evaluated(options: object, path: str) -> None:
    """Refuse options that fairseq would evaluate as Python and that are no plain literals.

    Args:
        options: nested dicts, lists and namespaces; keys at any depth count.
        path: the file they came from, for the message.

    Raises:
        UnsafeCheckpointError: names the file, the option and its value.
    """
    for name, value in _options(options):
        where = EVALUATED.get(name.rpartition(".")[2])
        if where is not None and not _is_plain(value):
            raise _refusal(path, name, value, f"would run as Python code (fairseq's {where}) and is no plain literal")


def is_plain_literal(text: str) -> bool:
    """Whether evaluating `text` builds a small plain value and does nothing else.

    Accepted: numbers, strings, True, False, None; lists, tuples and dicts of them; sums of such lists or tuples, and
    their repetition (`[(512, 3)] * 20 + [(1024, 3)]`, as stock fconv writes its layers), up to `MAX_LITERAL_ITEMS`.
    """
    if len(text) > MAX_LITERAL_LENGTH:
        return False
    try:
        return _items(ast.parse(text.strip(" \t"), mode="eval").body) <= MAX_LITERAL_ITEMS
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # ast.parse itself gives up on deep nesting, null bytes and huge numbers


def _refusal(path: str, name: str, value: object, reason: str) -> UnsafeCheckpointError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:60] + "…"
    return UnsafeCheckpointError(
        f"{path} was refused and nothing of it was run: its option {name}={shown} {reason}; "
        "get the checkpoint from a source that you trust"
    )


def _options(config: object) -> Iterator[tuple[str, object]]:
    """Every named value of nested dicts, lists and namespaces, with its dotted name; shared objects once."""
    pending: list[tuple[str, object]] = [("", config)]
    seen: set[int] = set()
    while pending:
        name, value = pending.pop()
        if value is not config:
            yield name, value
        inner: list[tuple[str, object]] = []
        if isinstance(value, argparse.Namespace):
            inner = [(f"{name}.{key}", child) for key, child in vars(value).items()]
        elif isinstance(value, dict):
            inner = [(f"{name}.{key}", child) for key, child in value.items()]
        elif isinstance(value, list | tuple):
            inner = [(f"{name}.{index}", child) for index, child in enumerate(value)]
        if inner and id(value) not in seen:
            seen.add(id(value))
            pending.extend((key.removeprefix("."), child) for key, child in inner)


def _is_plain(value: object) -> bool:
    """Whether `eval(value)` can do no harm: a literal's text, or something that `eval` does not take as source.

    `eval` takes bytes, and any object that exports a buffer (an array), for source too.
    """
    if isinstance(value, str):
        return is_plain_literal(value)
    return value is None or isinstance(value, bool | int | float | list | tuple | dict)


def _items(node: ast.expr) -> int:
    """How many values evaluating `node` creates.

    Raises:
        ValueError: `node` is more than a literal, a sum of lists or a repeated list.
    """
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return 1
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float())):
            return 1
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return 1 + sum(map(_items, elements))
        case ast.Dict(keys=keys, values=values):
            return 1 + sum(_items(part) for part in [*keys, *values] if part is not None)
        case ast.BinOp(op=ast.Add()) if _is_sequence(node.left) and _is_sequence(node.right):
            return _items(node.left) + _items(node.right)
        case ast.BinOp(left=repeated, op=ast.Mult(), right=ast.Constant(value=int(times))) if _is_sequence(repeated):
            return _items(repeated) * max(times, 1)
    raise ValueError(ast.dump(node)[:80])


def _is_sequence(node: ast.expr) -> bool:
    """Whether `node` evaluates to a list or tuple, if it is allowed at all."""
    if isinstance(node, ast.BinOp):
        return _is_sequence(node.left)
    return isinstance(node, ast.List | ast.Tuple)

"""fairseq's `fconv` under a dataclass: stock's own stops under Hydra with "Missing key max_source_positions".

ConvS2S (Gehring et al. 2017) is Table 2's convolutional system. The network is stock's, option for option and weight
for weight; a test compares them. Stock evaluates the text of its layers as Python code; here it is read as a literal.
"""

import ast
import warnings
from argparse import ArgumentParser
from dataclasses import dataclass, field
from typing import Any

from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import register_model
from fairseq.models.fconv import FConvDecoder, FConvEncoder, FConvModel
from omegaconf import II, DictConfig

from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.checkpoint_safety import is_plain_literal
from aat_plugin.errors import ConfigError

Layers = list[tuple[int, ...]]


@dataclass
class AatConvConfig(FairseqDataclass):
    """Stock's sizes under stock's names and with stock's defaults."""

    dropout: float = field(default=0.1, metadata={"help": "on embeddings and before each convolution"})
    encoder_embed_dim: int = field(default=512, metadata={"help": "width of the source embedding"})
    encoder_layers: str = field(
        default="[(512, 3)] * 20", metadata={"help": "encoder layers [(width, kernel), ...], joined by + and *"}
    )
    decoder_embed_dim: int = field(default=512, metadata={"help": "width of the target embedding"})
    decoder_layers: str = field(
        default="[(512, 3)] * 20", metadata={"help": "decoder layers [(width, kernel), ...], joined by + and *"}
    )
    decoder_out_embed_dim: int = field(default=256, metadata={"help": "width before the projection on the symbols"})
    decoder_attention: str = field(default="True", metadata={"help": "which decoder layers attend: True or a list"})
    share_input_output_embed: bool = field(
        default=False, metadata={"help": "one matrix for the target embedding and the projection"}
    )
    max_source_positions: int = II("task.max_source_positions")
    max_target_positions: int = II("task.max_target_positions")


@register_model("aat_conv", dataclass=AatConvConfig)
class AatConv(FConvModel):
    """fairseq's convolutional model."""

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        """The dataclass's flags; stock's method would list its own."""
        gen_parser_from_dataclass(parser, AatConvConfig())

    @classmethod
    @user_facing
    def build_model(cls, cfg: DictConfig, task: Any) -> "AatConv":
        """Stock's network of these sizes.

        Raises:
            ConfigError: sizes that do not go together, or layers that are no list of pairs.
        """
        encoder_layers, decoder_layers = (layers(name, cfg[name]) for name in ("encoder_layers", "decoder_layers"))
        shared = cfg.share_input_output_embed
        if shared and cfg.decoder_out_embed_dim != cfg.decoder_embed_dim:
            raise ConfigError(
                f"share_input_output_embed needs decoder_out_embed_dim={cfg.decoder_out_embed_dim} to be "
                f"decoder_embed_dim={cfg.decoder_embed_dim}"
            )
        if cfg.encoder_embed_dim != cfg.decoder_embed_dim:
            raise ConfigError(
                f"encoder_embed_dim={cfg.encoder_embed_dim} must be decoder_embed_dim={cfg.decoder_embed_dim}: "
                "attention compares the two"
            )
        attends = attention(cfg.decoder_attention, len(decoder_layers))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*weight_norm. is deprecated", FutureWarning)  # stock's choice
            encoder = FConvEncoder(
                task.source_dictionary, cfg.encoder_embed_dim, None, cfg.max_source_positions, encoder_layers,
                cfg.dropout,
            )
            decoder = FConvDecoder(
                task.target_dictionary, cfg.decoder_embed_dim, None, cfg.decoder_out_embed_dim,
                cfg.max_target_positions, decoder_layers, attends, cfg.dropout, shared,
            )
        return cls(encoder, decoder)


def layers(option: str, text: str) -> Layers:
    """Layers out of stock's notation, such as `[(512, 3)] * 9 + [(1024, 3)] * 4`.

    Args:
        option: the name, for the message.
        text: what was given.

    Raises:
        ConfigError: it is no list of (width, kernel) or (width, kernel, residual).
    """
    found = _value(text) if is_plain_literal(text) else None
    sized = isinstance(found, list) and all(
        isinstance(one, tuple) and len(one) in (2, 3) and all(isinstance(number, int) for number in one)
        and min(one[:2]) > 0 for one in found
    )  # fmt: skip
    if not found or not sized:
        raise ConfigError(f"{option}={text!r} is no list of layers; write [(width, kernel), ...] or [(512, 3)] * 20")
    return list(found)


def attention(text: str, num_layers: int) -> list[bool]:
    """Which of the decoder's layers attend.

    Raises:
        ConfigError: it is neither True, False nor a list of as many as there are layers.
    """
    found = _value(text) if is_plain_literal(text) else None
    each = [found] * num_layers if isinstance(found, bool) else found
    if not isinstance(each, list) or len(each) != num_layers or not all(isinstance(one, bool) for one in each):
        raise ConfigError(f"decoder_attention={text!r} is neither True, False nor a list of {num_layers} of them")
    return each


def _value(text: str) -> Any:
    """The value of a plain literal, with sums and repetitions of lists."""

    def of(node: ast.expr) -> Any:
        if isinstance(node, ast.BinOp):
            left, right = of(node.left), of(node.right)
            return left * right if isinstance(node.op, ast.Mult) else left + right
        return ast.literal_eval(node)

    return of(ast.parse(text.strip(), mode="eval").body)

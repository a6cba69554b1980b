"""fairseq's `lstm` with attention, under a dataclass: stock's own stops under Hydra with "Missing key criterion".

Sequence-to-sequence recurrence is what Section 6.3 compares itself with (Table 4, Vinyals et al. 2015). The network is
stock's, option for option and weight for weight; a test compares them.
"""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from typing import Any

from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import register_model
from fairseq.models.lstm import LSTMModel
from omegaconf import DictConfig, OmegaConf

from aat_plugin.bindings.boundary import user_facing
from aat_plugin.errors import ConfigError


@dataclass
class AatLstmConfig(FairseqDataclass):
    """Stock's sizes under stock's names and with stock's defaults; --dropout is that of every place."""

    dropout: float = field(default=0.1, metadata={"help": "on embeddings and on each layer's output"})
    encoder_embed_dim: int = field(default=512, metadata={"help": "width of the source embedding"})
    encoder_hidden_size: int = field(default=512, metadata={"help": "width of the encoder's state, in each direction"})
    encoder_layers: int = field(default=1, metadata={"help": "layers of the encoder"})
    encoder_bidirectional: bool = field(default=False, metadata={"help": "read the source in both directions"})
    decoder_embed_dim: int = field(default=512, metadata={"help": "width of the target embedding"})
    decoder_hidden_size: int = field(default=512, metadata={"help": "width of the decoder's state"})
    decoder_layers: int = field(default=1, metadata={"help": "layers of the decoder, as many as the encoder has"})
    decoder_out_embed_dim: int = field(default=512, metadata={"help": "width before the projection on the symbols"})
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "one matrix for the target embedding and the projection"}
    )
    share_all_embeddings: bool = field(default=False, metadata={"help": "one matrix for both embeddings"})


@register_model("aat_lstm", dataclass=AatLstmConfig)
class AatLstm(LSTMModel):
    """fairseq's LSTM, with attention."""

    @staticmethod
    def add_args(parser: ArgumentParser) -> None:
        """The dataclass's flags; stock's method would list its own."""
        gen_parser_from_dataclass(parser, AatLstmConfig())

    @classmethod
    @user_facing
    def build_model(cls, cfg: DictConfig, task: Any) -> "AatLstm":
        """Stock's network of these sizes, with the task's limits of length.

        Raises:
            ConfigError: sizes that do not go together.
        """
        sizes = dict(OmegaConf.to_container(cfg) if isinstance(cfg, DictConfig) else vars(cfg))  # type: ignore[arg-type]
        sizes["max_source_positions"], sizes["max_target_positions"] = task.max_positions()
        try:
            model = super().build_model(Namespace(**sizes, criterion=""), task)
        except ValueError as wrong:
            raise ConfigError(str(wrong)) from None
        assert isinstance(model, AatLstm)
        return model

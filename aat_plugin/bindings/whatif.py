"""`aat_whatif`: the Transformer with one part taken out, for `aat whatif` and nothing else.

A model of its own and no option of `aat_transformer`, so that nobody loses a part by a slip of the keyboard. It decodes
by the plain layers: the packed ones (`decoding_step`) would put the part back. Read `architecture.without` first.
"""

from dataclasses import dataclass, field
from typing import Any

from fairseq.models import register_model
from omegaconf import DictConfig

from aat_plugin.architecture.without import remove
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.model import AatDecoder, AatTransformerConfig, AatTransformerModel


@dataclass
class AatWhatIfConfig(AatTransformerConfig):
    """The model's options, and what it lacks."""

    without: str = field(default="", metadata={"help": "scale | mask | positions | residual | norm"})


class AatWhatIfDecoder(AatDecoder):
    """Another class, so that the search runs its layers as they are."""


@register_model("aat_whatif", dataclass=AatWhatIfConfig)
class AatWhatIf(AatTransformerModel):
    """For `aat whatif`."""

    complete = False
    decoder_class = AatWhatIfDecoder

    @classmethod
    @user_facing
    def build_model(cls, cfg: DictConfig, task: Any) -> "AatWhatIf":
        """Build the model, then take the part out.

        Raises:
            ConfigError: names the option that cannot work.
        """
        model = super().build_model(cfg, task)
        assert isinstance(model, AatWhatIf)
        remove(model, cfg.without)
        return model

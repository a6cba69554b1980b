"""`aat figure model`: Figure 1, drawn from an experiment, a checkpoint's own config, or a row of Table 3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aat_plugin.cli import picture_output

if TYPE_CHECKING:
    from aat_plugin.architecture.config import TransformerConfig

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure model --variation big --convention t2t_release -o figure1.svg")
def model(
    experiment: Annotated[
        str | None, typer.Argument(help="An experiment of conf/, such as wmt14_en_de_base.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Hydra's overrides, as fairseq-hydra-train takes them.")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Instead: the model in this file.")] = None,
    variation: Annotated[str, typer.Option(help="Instead: a row of Table 3, base, A1 … E, big.")] = "base",
    vocabulary: Annotated[int, typer.Option(help="V of an experiment or a row.", min=1)] = 37_000,
    convention: Annotated[str, typer.Option(help="paper | t2t_release | t2t_head | fairseq")] = "paper",
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "model.svg",
) -> None:
    """Draw both stacks with the shapes that flow and the parameters of each part (Section 3, Figure 1)."""
    from aat_plugin.errors import ConfigError
    from aat_plugin.results.figures.model import model as draw

    picture_output.check(target)
    if experiment is not None and checkpoint is not None:
        raise ConfigError("give an experiment or --checkpoint, not both")
    if experiment is not None:
        config, title = _of_experiment(experiment, overrides or [], vocabulary), experiment
    else:
        config, title = _config(checkpoint, variation, vocabulary, convention)
    picture_output.write(draw(config, title), target)
    print("Next: aat figure example, one head of these with numbers that can be followed by hand.")


def _of_experiment(experiment: str, overrides: list[str], vocabulary: int) -> TransformerConfig:
    """The model that an experiment would train."""
    from aat_plugin.bindings.plan_request import setup
    from aat_plugin.cli.paths import conf_dir

    return setup(conf_dir(), experiment, overrides, None).model(vocabulary)


def _config(
    checkpoint: Path | None, variation: str, vocabulary: int, convention: str
) -> tuple[TransformerConfig, str]:
    """The model's config, and what it is called."""
    if checkpoint is not None:
        from aat_plugin.bindings.saved_model import read_model

        return read_model(checkpoint).config, checkpoint.name
    from aat_plugin.errors import choose
    from aat_plugin.results.table3 import BY_NAME, config_of

    row = BY_NAME[choose("variation", variation, BY_NAME)]
    return config_of(row.sizes, vocabulary, convention), f"{variation}, convention {convention}"

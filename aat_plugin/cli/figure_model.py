"""`aat figure model`: Figure 1, drawn from a row of Table 3 or from a checkpoint's own config."""

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
    checkpoint: Annotated[Path | None, typer.Option(help="Draw this model instead of a row of Table 3.")] = None,
    variation: Annotated[str, typer.Option(help="A row of Table 3: base, A1 … E, big.")] = "base",
    vocabulary: Annotated[int, typer.Option(help="V of that row.", min=1)] = 37_000,
    convention: Annotated[str, typer.Option(help="paper | t2t_release | t2t_head | fairseq")] = "paper",
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "model.svg",
) -> None:
    """Draw both stacks with the shapes that flow and the parameters of each part (Section 3, Figure 1)."""
    from aat_plugin.results.figures.model import model as draw

    picture_output.check(target)
    config, title = _config(checkpoint, variation, vocabulary, convention)
    picture_output.write(draw(config, title), target)
    print("Next: aat figure example, one head of these with numbers that can be followed by hand.")


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

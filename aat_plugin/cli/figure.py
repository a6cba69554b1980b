"""`aat figure …`: the paper's pictures. Each sub-command is a file of its own.

Read `figure_model` (Figure 1), `figure_example` (Figure 2) and `figure_attention` (Figures 3 to 5) next.
"""

from __future__ import annotations

import typer

from aat_plugin.cli.late import late_group

SUBCOMMANDS = {
    "model": "aat_plugin.cli.figure_model",
    "example": "aat_plugin.cli.figure_example",
    "positions": "aat_plugin.cli.figure_positions",
    "schedule": "aat_plugin.cli.figure_schedule",
    "smoothing": "aat_plugin.cli.figure_smoothing",
    "training": "aat_plugin.cli.figure_training",
    "attention": "aat_plugin.cli.figure_attention",
    "constituents": "aat_plugin.cli.figure_constituents",
    "scaling": "aat_plugin.cli.figure_scaling",
    "dependence": "aat_plugin.cli.figure_dependence",
    "resolution": "aat_plugin.cli.figure_resolution",
    "residual": "aat_plugin.cli.figure_residual",
    "parallel": "aat_plugin.cli.figure_parallel",
    "beam": "aat_plugin.cli.figure_beam",
    "tree": "aat_plugin.cli.figure_tree",
}

app = typer.Typer(add_completion=False, cls=late_group(SUBCOMMANDS))


@app.callback(epilog="Example: aat figure model --variation big -o figure1.svg")
def figure() -> None:
    """Draw the paper's figures from what runs: a config, the code of an equation, a log, a trained model."""

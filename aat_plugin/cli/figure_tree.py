"""`aat figure tree`: a tree, and the line of symbols as which it is translated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)
EXAMPLE = 'Example: aat figure tree "(S (NP (DT the) (NN aunt)) (VP (VBZ laughs)))" -o tree.svg'


@app.command(epilog=EXAMPLE)
def tree(
    brackets: Annotated[str, typer.Argument(help="The tree in the Penn Treebank's brackets.")],
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg")] = picture_output.FOLDER / "tree.svg",
) -> None:
    """Draw a tree and print what a parser is trained to say, in each of the three ways (Section 6.3)."""
    from aat_plugin.corpora.files import write_text
    from aat_plugin.errors import ConfigError, DataError
    from aat_plugin.parsing.cleaning import clean
    from aat_plugin.parsing.drawing import draw
    from aat_plugin.parsing.linearise import SCHEMES, for_trees
    from aat_plugin.parsing.trees import read_line

    if target.suffix != ".svg":
        raise ConfigError(f"{target}: a tree's picture is an .svg")
    read = read_line(brackets, "the tree that was given")
    cleaned = None if read is None else clean(read)
    if cleaned is None:
        raise DataError("there is no tree: give one such as (S (NP (NN rain)) (VP (VBZ falls)))")
    picture_output.prepare_folder(target)
    write_text(target, draw(cleaned.children, on_white=True))
    print(f"words: {' '.join(cleaned.words())}")
    for scheme in SCHEMES:
        print(f"{scheme}: {' '.join(for_trees(scheme, [cleaned]).symbols(cleaned))}")
    print(f"Figure: {target}")
    print("Next: aat parse, which reads such lines back as trees.")

"""The table of `aat`'s subcommands: name, module, one line of help. Nothing here is imported until it is asked for.

To add one: write `aat_plugin/cli/<module>.py` with `app = typer.Typer(...)` (heavy imports inside the functions, an
example in the help) and add its line below. A test runs `--help` of each. Read `dispatch` next.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subcommand:
    """One line of the table.

    Attributes:
        name: what the user types after `aat`.
        module: where its `app` is; imported when the subcommand runs.
        topic: the heading under which `aat --help` lists it.
        summary: what it does, in one line.
    """

    name: str
    module: str
    topic: str
    summary: str


SUBCOMMANDS: tuple[Subcommand, ...] = (
    Subcommand("user-dir", "aat_plugin.cli.user_dir", "Set-up", "print the folder for fairseq's --user-dir"),
    Subcommand("conf-dir", "aat_plugin.cli.conf_dir", "Set-up", "print the folder for Hydra's --config-dir"),
    Subcommand("doctor", "aat_plugin.cli.doctor", "Set-up", "what is installed, what will break and how to mend it"),
    Subcommand("version", "aat_plugin.cli.version", "Set-up", "print the plugin's version"),
    Subcommand("prepare", "aat_plugin.cli.prepare", "Data", "raw files to fairseq's data: tokens, subwords, data-bin"),
    Subcommand("fetch", "aat_plugin.cli.fetch", "Data", "bring a public corpus here, checked and resumable"),
    Subcommand("silver", "aat_plugin.cli.silver", "Data", "training trees from sentences on which two parsers agree"),
    Subcommand("plan", "aat_plugin.cli.plan", "Train", "memory, hours and batches of an experiment, before it runs"),
    Subcommand("package", "aat_plugin.cli.package", "Use", "a trained system as one archive"),
    Subcommand("translate", "aat_plugin.cli.translate", "Use", "raw text in, text out, a line for a line"),
    Subcommand("parse", "aat_plugin.cli.parse", "Use", "sentences in, trees out, a line for a line"),
    Subcommand("export", "aat_plugin.cli.export", "Take along", "to stock fairseq, safetensors or CTranslate2"),
    Subcommand("import", "aat_plugin.cli.import_", "Take along", "from stock fairseq or safetensors"),
    Subcommand("average", "aat_plugin.cli.average", "Score", "the mean of the last checkpoints, as one checkpoint"),
    Subcommand("score", "aat_plugin.cli.score", "Score", "BLEU by several protocols, perplexity"),
    Subcommand("compare", "aat_plugin.cli.compare", "Score", "systems side by side: is one better, and where"),
    Subcommand("conformance", "aat_plugin.cli.conformance", "The paper", "each of the paper's equations, compared"),
    Subcommand("params", "aat_plugin.cli.params", "The paper", "parameters of Table 3's rows, and the published ones"),
    Subcommand("figure", "aat_plugin.cli.figure", "The paper", "its figures, from configs, code, logs and models"),
    Subcommand("report", "aat_plugin.cli.report", "The paper", "its Tables 1 to 4, published and run; all on one page"),
    Subcommand("whatif", "aat_plugin.cli.whatif", "The paper", "the demo trained with one thing removed"),
    Subcommand("demo", "aat_plugin.cli.demo", "Try it", "train, translate and score on a made-up grammar"),
)

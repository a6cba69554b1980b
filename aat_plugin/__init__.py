"""aat_plugin: "Attention Is All You Need" (Vaswani et al. 2017) as a plugin of fairseq.

fairseq imports this package through `--user-dir` and then finds everything registered. Where fairseq is not loaded (the
`aat` command's quick start, `aat_plugin.architecture` on its own) nothing of it is imported; Python callers that load
fairseq later call `aat_plugin.register()`.
"""

import sys

__version__ = "0.1.0.dev0"


def register() -> None:
    """Register the plugin's models, criterion, scheduler and tasks with fairseq; a second call does nothing."""
    from aat_plugin import bindings

    bindings.register()


if sys.modules.get("fairseq") is not None:  # None is how Python is told not to import it
    register()

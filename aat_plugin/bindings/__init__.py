"""Where the plugin meets fairseq, and the only place that imports it.

`model`, `lstm`, `conv`, `rival_systems`, `criterion`, `lr_scheduler`, `translation_task` and `parsing_task` register
under the names users type, `whatif` the model that `aat whatif` trains;
`checkpoint` makes saving atomic and loading safe; `config_check` refuses unknown options; `compat` holds the
workarounds for fairseq's versions.
"""

from importlib import import_module

_registered = False


def register() -> None:
    """Register everything with fairseq; a second call does nothing."""
    global _registered
    if _registered:
        return
    for name in ("compat", "checkpoint", "config_check", "model", "criterion", "lr_scheduler", "translation_task",
                 "parsing_task", "lstm", "conv", "rival_systems", "whatif"):
        module = import_module(f"aat_plugin.bindings.{name}")
        if name in ("compat", "checkpoint", "config_check"):
            module.install()
    _registered = True

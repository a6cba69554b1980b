"""Everything here meets fairseq: register the plugin once, as `--user-dir` does."""

import fairseq  # noqa: F401  (the plugin registers itself where fairseq is loaded)

import aat_plugin

aat_plugin.register()

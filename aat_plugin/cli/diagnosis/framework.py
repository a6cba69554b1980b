"""Which fairseq is imported, from where, and whether its compiled extensions are built and load.

fairseq's distribution is not called fairseq (ve-fairseq and fairseq-fixed both import as it), and a bare folder of that
name in the working directory shadows it: so the import is asked, not the distribution.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path

from aat_plugin.cli.diagnosis.findings import Finding
from aat_plugin.cli.diagnosis.packages import FAIRSEQS, installed

TOPIC = "fairseq"
# Extension → what fails without it.
EXTENSIONS = {
    "fairseq.data.data_utils_fast": "training and generation stop: batches are made by it",
    "fairseq.data.token_block_utils_fast": "language-model tasks stop",
    "fairseq.libbleu": "`--scoring bleu` stops; `--scoring sacrebleu` works",
    "fairseq.libnat": "non-autoregressive models stop; the plugin does not use it",
}
NEEDED = "fairseq.data.data_utils_fast"


def findings() -> list[Finding]:
    """The distribution, the imported folder, the extensions."""
    found = [f"{name} {version}" for name in FAIRSEQS if (version := installed(name))]
    if not found:
        return [Finding(TOPIC, "distribution", "none", "broken", "`make install`, or: pip install ve-fairseq==0.12.3")]
    distribution = Finding(TOPIC, "distribution", ", ".join(found))
    if len(found) > 1:
        names = " ".join(name.split()[0] for name in found)
        mend = f"they write the same folder: pip uninstall {names}, then `make install`"
        distribution = Finding(TOPIC, "distribution", ", ".join(found), "broken", mend)
    imported = where()
    if imported.verdict == "broken":
        return [distribution, imported]
    return [distribution, imported, *(_extension(name) for name in EXTENSIONS), _weights_only()]


def where() -> Finding:
    """The folder that `import fairseq` takes."""
    spec = importlib.util.find_spec("fairseq")
    if spec is None:
        return Finding(TOPIC, "import", "not found", "broken", "`make install` installs fairseq into .venv/")
    if spec.origin is None:
        folder = next(iter(spec.submodule_search_locations or ["?"]))
        mend = f"rename the folder, or work elsewhere: it hides the installed fairseq from PYTHONPATH or {os.getcwd()}"
        return Finding(TOPIC, "import", f"{folder} (a bare folder, not the package)", "broken", mend)
    return Finding(TOPIC, "import", str(Path(spec.origin).parent))


def _extension(name: str) -> Finding:
    """Whether one extension imports."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        mend = f"{EXTENSIONS[name]}; a C++ compiler and `make install` build it anew ({type(error).__name__}: {error})"
        return Finding(TOPIC, name, "not built", "broken" if name == NEEDED else "note", mend)
    return Finding(TOPIC, name, "built")


def _weights_only() -> Finding:
    """torch refuses unknown classes in checkpoints since 2.6; only the plugin's loading knows fairseq's."""
    import torch

    release = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if release >= (2, 6):
        return Finding(TOPIC, "loading checkpoints", "safe loading; stock fairseq needs --user-dir for old checkpoints")
    return Finding(TOPIC, "loading checkpoints", f"torch {torch.__version__}", "broken", "torch 2.6 or newer is needed")

"""`aat export|import safetensors`: a folder with the weights, and a JSON of config and dictionaries; nothing can run.

    model.safetensors   the weights, tied ones once
    model.json          "config": `architecture.TransformerConfig`; "dictionaries": symbols and counts of both sides;
                        "fairseq": the run's options, by which `import` makes a checkpoint of it again

`load` needs neither fairseq nor a data-bin, and the way there and back changes no bit.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file
from torch import Tensor

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.errors import AatError, CheckpointError
from aat_plugin.export.places import check_file, check_folder, folder

if TYPE_CHECKING:
    from aat_plugin.bindings.dictionaries import Symbols
    from aat_plugin.bindings.saved_model import SavedModel

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
FORMAT = "aat_plugin.transformer/1"
WAY_OUT = "give a folder of `aat export safetensors`"
KINDS: dict[str, Any] = {"int": int, "bool": bool, "float": (int, float), "str": str}


@dataclass(frozen=True)
class Written:
    """What an export or import wrote.

    Attributes:
        output: the folder or file.
        weights: how many numbers the model has, tied ones counted once.
        bytes: of everything in it.
        dictionaries: the files that an import wrote beside its checkpoint.
    """

    output: Path
    weights: int
    bytes: int
    dictionaries: tuple[Path, ...] = ()


def load(place: Path) -> tuple[Transformer, dict[str, Any]]:
    """The model of an exported folder, ready to translate, and its description; fairseq is not needed.

    Args:
        place: the folder.

    Returns:
        The model in evaluation mode, in float32, and what model.json holds.

    Raises:
        CheckpointError: a file is missing, damaged or foreign.
    """
    description = describe(place)
    config = _config(place, description)
    stored = _stored(place)
    _check_stored(place, config, stored)
    model = Transformer(config)
    load_model(model, str(place / WEIGHTS))
    return model.eval(), description


def describe(place: Path) -> dict[str, Any]:
    """What model.json says.

    Raises:
        CheckpointError: it is missing or no description of such a model.
    """
    file = place / DESCRIPTION
    try:
        description = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"cannot read {file}: {error.strerror}; {WAY_OUT}") from None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} is damaged ({' '.join(str(error).split())[:100]}); export it again") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise CheckpointError(f"{file} is not of format {FORMAT}; {WAY_OUT}")
    return description


def _config(place: Path, description: dict[str, Any]) -> TransformerConfig:
    given = description.get("config")
    if not isinstance(given, dict):
        raise CheckpointError(f"{place / DESCRIPTION} holds no config; export it again")
    kinds = {field.name: KINDS.get(str(field.type), object) for field in dataclasses.fields(TransformerConfig)}
    for name, value in given.items():
        if name not in kinds:
            raise CheckpointError(f"{place / DESCRIPTION}: config.{name} is no option of this version's model")
        if not isinstance(value, kinds[name]) or (isinstance(value, bool) and kinds[name] is not bool):
            raise CheckpointError(f"{place / DESCRIPTION}: config.{name}={value!r} is of the wrong type")
    try:
        return TransformerConfig(**{**given, "counted_symbols": tuple(given.get("counted_symbols", ()))})
    except (AatError, TypeError) as error:
        raise CheckpointError(f"{place / DESCRIPTION}: {error}") from None


def _stored(place: Path) -> dict[str, Tensor]:
    try:
        return load_file(str(place / WEIGHTS))
    except FileNotFoundError:
        raise CheckpointError(f"{place / WEIGHTS} does not exist; {WAY_OUT}") from None
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:100]
        raise CheckpointError(f"{place / WEIGHTS} is damaged ({reason}); export it again") from None


def _tied(config: TransformerConfig) -> dict[str, str]:
    """Name → the name under which its tensor is stored."""
    owners: dict[str, str] = {}
    if config.share_all_embeddings:
        owners["decoder.embed_tokens.weight"] = "encoder.embed_tokens.weight"
    if config.share_decoder_input_output_embed:
        owner = "decoder.embed_tokens.weight"
        owners["decoder.output_projection.weight"] = owners.get(owner, owner)
    return owners


def _check_stored(place: Path, config: TransformerConfig, stored: dict[str, Tensor]) -> None:
    """Hold the file's names and shapes against the config before a model is made.

    Raises:
        CheckpointError: names the first difference.
    """
    file = place / WEIGHTS
    layers = {name.split(".")[2] for name in stored if ".layers." in name}
    if len(layers) != config.num_layers:
        raise CheckpointError(f"{file} holds {len(layers)} layers and {DESCRIPTION} says {config.num_layers}")
    try:
        with torch.device("meta"):
            shapes = {name: tensor.shape for name, tensor in Transformer(config).state_dict().items()}
    except (RuntimeError, OverflowError, TypeError):
        raise CheckpointError(f"{place / DESCRIPTION}: there is no model of these sizes") from None
    for name in _tied(config):
        del shapes[name]
    if sorted(shapes) != sorted(stored):
        different = sorted(set(shapes) ^ set(stored))
        raise CheckpointError(f"{file} and {DESCRIPTION} do not go together: {', '.join(different[:3])}")
    for name, shape in shapes.items():
        if stored[name].shape != shape:
            raise CheckpointError(f"{file}: {name} is of shape {tuple(stored[name].shape)}, not {tuple(shape)}")


def export_safetensors(checkpoint: Path, output: Path, data: Path | None = None) -> Written:
    """Write a folder.

    Args:
        checkpoint: of the plugin.
        output: a new folder.
        data: the data-bin with the dictionaries; None takes the one that was trained on.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or foreign.
        DataError: no dictionaries; `output` cannot be written.
    """
    from aat_plugin.bindings.dictionaries import read_dictionaries
    from aat_plugin.bindings.saved_model import read_model

    check_folder(output)
    saved = read_model(checkpoint)
    sizes = (saved.config.source_vocabulary, saved.config.target_vocabulary)
    dictionaries = read_dictionaries(saved.sections.get("task") or {}, data, sizes, checkpoint)
    tied = _tied(saved.config)
    weights = {name: tensor.contiguous() for name, tensor in saved.weights.items() if name not in tied}
    sides = zip(("source", "target"), dictionaries, strict=True)
    description = _description(saved) | {"dictionaries": {side: dataclasses.asdict(one) for side, one in sides}}
    with folder(output) as place:
        save_file(weights, str(place / WEIGHTS), metadata={"format": "pt"})
        text = json.dumps(description, ensure_ascii=False, indent=1)
        (place / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        # safetensors lets nobody but the owner read what it writes.
        (place / WEIGHTS).chmod((place / DESCRIPTION).stat().st_mode)
    return Written(output, sum(one.numel() for one in weights.values()), _size(output))


def _description(saved: SavedModel) -> dict[str, Any]:
    from aat_plugin.bindings.stock_sections import plain

    return {
        "format": FORMAT,
        "config": dataclasses.asdict(saved.config),
        "updates": saved.updates,
        "fairseq": {name: plain(section) for name, section in saved.sections.items()},
    }


def import_safetensors(place: Path, output: Path, dictionaries: Path | None = None) -> Written:
    """Write a checkpoint that fairseq's commands load.

    Args:
        place: a folder of `export_safetensors`.
        output: the checkpoint.
        dictionaries: a folder for dict.*.txt; None writes none.

    Raises:
        CheckpointError: a file is missing, damaged or foreign; a stored option would run code.
        DataError: `output` cannot be written.
    """
    from aat_plugin.bindings.checkpoint_files import save_atomically

    check_file(place, output)
    description = describe(place)
    config, stored = _config(place, description), _stored(place)
    _check_stored(place, config, stored)
    weights = {**stored, **{name: stored[owner] for name, owner in _tied(config).items()}}
    state = _state(place, description, config, weights)
    symbols = _dictionaries(place, description)
    written = _write_dictionaries(symbols, dictionaries) if dictionaries is not None else ()
    save_atomically(state, str(output))
    return Written(output, sum(one.numel() for one in stored.values()), output.stat().st_size, written)


def _state(
    place: Path, description: dict[str, Any], config: TransformerConfig, weights: dict[str, Tensor]
) -> dict[str, Any]:
    """What fairseq's trainer would have written, without an optimizer."""
    from aat_plugin import bindings
    from aat_plugin.bindings.checkpoint_safety import check_config
    from aat_plugin.bindings.saved_model import stored_config
    from aat_plugin.bindings.stock_sections import criterion_class

    bindings.register()
    sections, updates = description.get("fairseq"), description.get("updates") or 0
    if not isinstance(sections, dict) or not isinstance(sections.get("model"), dict) or not isinstance(updates, int):
        raise CheckpointError(f"{place / DESCRIPTION} holds no options of fairseq; export it again")
    check_config(sections, str(place / DESCRIPTION))
    if stored_config(place, sections["model"], weights) != config:
        raise CheckpointError(f"{place / DESCRIPTION}: its config and its options of fairseq describe different models")
    history = {
        "criterion_name": criterion_class(),
        "optimizer_name": "FairseqAdam",
        "lr_scheduler_state": {"best": None},
        "num_updates": updates,
    }
    state: dict[str, Any] = {"args": None, "cfg": sections, "model": weights, "criterion": None}
    return {**state, "optimizer_history": [history], "task_state": {}, "extra_state": {}}


def _dictionaries(place: Path, description: dict[str, Any]) -> list[Symbols]:
    """Both dictionaries, the source's first."""
    from aat_plugin.bindings.dictionaries import Symbols

    given = description.get("dictionaries")
    try:
        found = [Symbols(**given[side]) for side in ("source", "target")]  # type: ignore[index]
    except (KeyError, TypeError):
        raise CheckpointError(f"{place / DESCRIPTION} holds no dictionaries; export it again") from None
    for symbols in found:
        if not symbols.plausible():
            raise CheckpointError(f"{place / DESCRIPTION}: its dictionaries are damaged; export it again")
    return found


def _write_dictionaries(symbols: list[Symbols], place: Path) -> tuple[Path, ...]:
    from aat_plugin.bindings.dictionaries import write_dictionary

    place.mkdir(parents=True, exist_ok=True)
    return tuple(write_dictionary(one, place) for one in symbols)


def _size(place: Path) -> int:
    return sum(file.stat().st_size for file in place.iterdir())

"""Where public corpora lie, file by file, with the checksums of what was tried. Read `fetch` for how they come.

None of them is part of this project; each keeps its own licence, which `aat fetch` prints.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """One file of a corpus.

    Attributes:
        name: its name in the user's folder.
        path: below the corpus' address.
        sha256: of its content, unpacked.
    """

    name: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Corpus:
    """A corpus that `aat fetch` brings.

    Attributes:
        address: what the files' paths are added to; `--mirror` takes its place.
        licence: under which its owners give it.
        files: all of them.
    """

    address: str
    licence: str
    files: tuple[RemoteFile, ...]


CORPORA: dict[str, Corpus] = {
    "multi30k_en_de": Corpus(
        "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/",
        "captions derived from Flickr30K: research and education only, non-commercial",
        (
            RemoteFile(
                "train.en", "train.en.gz", "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
            RemoteFile(
                "train.de", "train.de.gz", "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
            RemoteFile(
                "val.en", "val.en.gz", "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
            RemoteFile(
                "val.de", "val.de.gz", "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
            RemoteFile(
                "test2016.en", "test_2016_flickr.en.gz",
                "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182"),
            RemoteFile(
                "test2016.de", "test_2016_flickr.de.gz",
                "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16"),
        ),
    ),
}

"""Where public corpora lie, file by file, with the checksums that are known. Read `fetch` for how they come.

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
        checksum: of its content, unpacked (SHA-256, or MD5 as `md5:…`); None where nobody has published one.
        size: in bytes, for people; 0 where it is not known.
    """

    name: str
    path: str
    checksum: str | None
    size: int = 0


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


STATMT = "https://www.statmt.org/"
WMT = "each corpus' own, for research (https://www.statmt.org/wmt14/translation-task.html)"
# SHA-256 and sizes: TensorFlow Datasets' url_checksums/wmt14_translate.txt; dev.tgz's SHA-256: a published data set
# class for WMT14; test-full.tgz's MD5: sacreBLEU's table. None of these archives was seen by this project.
_EUROPARL = RemoteFile(
    "training-parallel-europarl-v7.tgz", "wmt13/training-parallel-europarl-v7.tgz",
    "0224c7c710c8a063dfd893b0cc0830202d61f4c75c17eb8e31836103d27d96e7", 657_632_379)
_COMMON_CRAWL = RemoteFile(
    "training-parallel-commoncrawl.tgz", "wmt13/training-parallel-commoncrawl.tgz",
    "c7a74e2ea01ac6c920123108627e35278d4ccb5701e15428ffa34de86fa3a9e5", 918_311_367)
_NEWS = RemoteFile(
    "training-parallel-nc-v9.tgz", "wmt14/training-parallel-nc-v9.tgz",
    "cb8953f292298e6877ae433c98912b927cb0766b303f4540512ddd286c748485", 80_418_416)
_UN = RemoteFile("training-parallel-un.tgz", "wmt13/training-parallel-un.tgz", None)
_GIGA = RemoteFile("training-giga-fren.tar", "wmt10/training-giga-fren.tar", None)
_DEV = RemoteFile(
    "dev.tgz", "wmt14/dev.tgz", "cda0f85309e8ea4c9c2bc142cd795fb2771a5939ed5b4527b525dae05fa0c145")
_TEST = RemoteFile("test-full.tgz", "wmt14/test-full.tgz", "md5:a8cd784e006feb32ac6f3d9ec7eb389a")

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
    "wmt14_en_de": Corpus(STATMT, WMT, (_EUROPARL, _COMMON_CRAWL, _NEWS, _DEV, _TEST)),
    "wmt14_en_fr": Corpus(STATMT, WMT, (_EUROPARL, _COMMON_CRAWL, _UN, _NEWS, _GIGA, _DEV, _TEST)),
}

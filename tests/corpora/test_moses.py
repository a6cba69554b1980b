"""Moses' perl programs: found, run on blocks, and held to a line for a line. Two small programs stand for them."""

from __future__ import annotations

import shutil

import pytest

from aat_plugin.corpora import moses
from aat_plugin.corpora.blocks import Block
from aat_plugin.errors import ConfigError, DataError

pytestmark = pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not installed")

NORMALISE = "while (<STDIN>) { s/,,/\"/g; print; }\n"
TOKENISE = "while (<STDIN>) { s/([.,])/ $1/g; print \"@ARGV[0..2] $_\"; }\n"


@pytest.fixture
def programs(tmp_path):
    """Makes a folder with both programs."""

    def make(tokenise: str = TOKENISE, below: str = "scripts/tokenizer"):
        folder = tmp_path / "moses" / below
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in zip(moses.PROGRAMS, (NORMALISE, tokenise), strict=True):
            (folder / name).write_text(content)
        return tmp_path / "moses"

    return make


def block(*lines: str) -> Block:
    raw = "".join(f"{line}\n" for line in lines).encode()
    return Block(("x",), 1, len(lines), (raw,), (len(raw),))


@pytest.mark.parametrize("below", moses.FOLDERS)
def test_lines_go_through_both_programs_in_the_language_asked_for(programs, below):
    made = moses.find(programs(below=below), "de", lowercase=True)(block("Über ,,A.", "", "x\x00y\u2028z"))
    assert made.outputs[0].decode() == '-l de -q über "a .\n-l de -q \n-l de -q x y z\n'
    assert made.counts == {"tokens": 6 + 3 + 6}


def test_other_programs_are_other_work(programs):
    first = moses.find(programs(), "de", lowercase=False)
    assert first == moses.find(programs(), "de", lowercase=False)
    assert moses.find(programs(TOKENISE + "# changed\n"), "de", lowercase=False).checksum != first.checksum


def test_what_goes_wrong_is_one_line(programs, tmp_path):
    with pytest.raises(ConfigError, match=r"holds no scripts/tokenizer"):
        moses.find(tmp_path, "de", lowercase=False)
    with pytest.raises(DataError, match=r"tokenizer\.perl failed \(no such thing"):
        moses.find(programs("die 'no such thing';"), "de", lowercase=False)(block("a"))
    with pytest.raises(DataError, match=r"made 4 lines of 2 \(from line 1\)"):
        moses.find(programs("while (<STDIN>) { print; print; }"), "de", lowercase=False)(block("a", "b"))

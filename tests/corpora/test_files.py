"""Text files: split at line feeds alone, strictly UTF-8, and replaced as a whole or not at all."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aat_plugin.corpora.files import iterate_lines, read_lines, write_text
from aat_plugin.errors import DataError

FIXTURES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(("content", "lines"), [
    (b"", []), (b"\n", [""]), (b"a\nb", ["a", "b"]), (b"a\r\nb\r\n", ["a", "b"]),
    (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", ["a", "\ufeffb"]),
    ("a\u2028b\x0bc\x85d\n".encode(), ["a\u2028b\x0bc\x85d"]), (b"a\rb\n", ["a\rb"]),
])
def test_lines_end_at_line_feeds_alone(tmp_path, content, lines):
    path = tmp_path / "text"
    path.write_bytes(content)
    assert read_lines(path) == lines
    assert list(iterate_lines(path)) == lines


@FIXTURES
@given(st.lists(st.text(st.characters(exclude_characters="\n\r\ufeff", exclude_categories=["Cs"]))))
def test_what_is_written_is_read_back(tmp_path, lines):
    path = tmp_path / "text"
    write_text(path, "".join(f"{line}\n" for line in lines))
    assert read_lines(path) == lines
    assert os.listdir(tmp_path) == ["text"]


@FIXTURES
@given(st.binary())
def test_any_bytes_are_read_or_refused_with_file_and_line(tmp_path, content):
    path = tmp_path / "text"
    path.write_bytes(content)
    parts = content.split(b"\n")
    try:
        lines = read_lines(path)
    except DataError as error:
        mistake = str(error)
    else:
        mistake = ""
        assert len(lines) == content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
    wrong = next((number for number, part in enumerate(parts, 1) if b"\xff" in part or b"\xc0" in part), None)
    assert wrong is None or mistake
    assert not mistake or (mistake.startswith(f"{path}:") and "\n" not in mistake)


def test_files_that_cannot_be_read_are_named(tmp_path):
    for path, reason in ((tmp_path / "no", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(DataError, match=reason):
            read_lines(path)

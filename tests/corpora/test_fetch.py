"""Fetching: checked, resumed, complete or not there; every failure is one line. A local server plays the network."""

from __future__ import annotations

import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aat_plugin.cli import main
from aat_plugin.corpora import sources
from aat_plugin.corpora.fetch import fetch
from aat_plugin.errors import DataError

CONTENT = b"a line\n" * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server():
    """Serves CONTENT with ranges; `server.requests` lists the Range headers; `server.cut` breaks off after so many."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            self.server.requests.append(asked)
            if self.path == "/missing":
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.path != "/whole" else 0
            if start >= len(CONTENT):
                self.send_error(416)
                return
            body = CONTENT[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: self.server.cut])

        def log_message(self, *args):
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.requests, found.cut = [], len(CONTENT)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


def url(server, path: str = "/file") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def test_a_file_comes_whole_and_is_not_fetched_twice(server, tmp_path):
    target = tmp_path / "new" / "file"
    seen = []
    assert fetch(url(server), target, SHA256, lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not fetch(url(server), target, SHA256)
    assert len(server.requests) == 1
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_broken_download_goes_on_where_it_was(server, tmp_path):
    server.cut = 1000
    with pytest.raises(DataError, match=r"run it again to go on"):
        fetch(url(server), tmp_path / "file", SHA256)
    assert not (tmp_path / "file").exists()
    server.cut = len(CONTENT)
    assert fetch(url(server), tmp_path / "file", SHA256)
    assert server.requests == [None, "bytes=1000-"]
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/whole", "/file"])
def test_a_server_without_ranges_and_a_part_that_is_whole_already(server, tmp_path, path):
    (tmp_path / "file.part").write_bytes(CONTENT if path == "/file" else CONTENT[:100])
    assert fetch(url(server, path), tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(server, tmp_path):
    with pytest.raises(DataError, match="another version"):
        fetch(url(server), tmp_path / "file", "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_md5_is_compared_and_what_has_no_checksum_is_taken_as_it_comes(server, tmp_path):
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert fetch(url(server), tmp_path / "a", f"md5:{md5}")
    assert not fetch(url(server), tmp_path / "a", f"md5:{md5}")
    with pytest.raises(DataError, match=f"has the checksum md5:{md5}, not md5:0"):
        fetch(url(server), tmp_path / "b", f"md5:{'0' * 32}")
    assert fetch(url(server), tmp_path / "c", None)
    assert not fetch(url(server), tmp_path / "c", None)
    assert (tmp_path / "c").read_bytes() == CONTENT


def test_a_full_disk_is_said_of_the_file(server, tmp_path):
    (tmp_path / "file.part").mkdir()  # cannot be opened, as on a full disk
    with pytest.raises(DataError, match=r"cannot write .*file\.part"):
        fetch(url(server), tmp_path / "file", None)


def test_what_is_not_there_is_said(server, tmp_path):
    with pytest.raises(DataError, match="404"):
        fetch(url(server, "/missing"), tmp_path / "file", SHA256)
    with pytest.raises(DataError, match="cannot be read"):
        fetch((tmp_path / "nothing").as_uri(), tmp_path / "file", SHA256)
    with pytest.raises(DataError, match="must begin with one of"):
        fetch("ftp://127.0.0.1/file", tmp_path / "file", SHA256)


def test_a_folder_serves_as_a_mirror_and_gzip_is_unpacked(tmp_path, monkeypatch, capsys):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "a.gz").write_bytes(gzip.compress(CONTENT))
    corpus = sources.Corpus("https://127.0.0.1:1/", "free", (sources.RemoteFile("a", "a.gz", SHA256),))
    monkeypatch.setitem(sources.CORPORA, "tiny", corpus)
    assert main(["fetch", "tiny", "-o", str(tmp_path / "out"), "--mirror", mirror.as_uri()]) == 0
    assert (tmp_path / "out" / "a").read_bytes() == CONTENT
    assert "free" in capsys.readouterr().out
    (mirror / "a.gz").write_bytes(gzip.compress(CONTENT)[:-20])
    (tmp_path / "out" / "a").unlink()
    assert main(["fetch", "tiny", "-o", str(tmp_path / "out"), "--mirror", mirror.as_uri()]) == 2
    assert "no whole gzip file" in capsys.readouterr().err


def test_an_unknown_corpus_is_named_with_the_nearest(capsys, tmp_path):
    assert main(["fetch", "multi30k", "-o", str(tmp_path)]) == 2
    assert "multi30k_en_de" in capsys.readouterr().err

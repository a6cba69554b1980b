"""Pages in a real browser: no console error, nothing fetched, the interactive one draws. Skipped without Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import torch

from aat_plugin.bindings.attention_reader import Attended
from aat_plugin.results import provenance, recorded_runs
from aat_plugin.results.figures import attention_page
from aat_plugin.results.report_page import report

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here (apt-get install chromium)"),
]


def opened(page, profile) -> tuple[str, list[str]]:
    """The document after its scripts ran, and what the console said.

    The page's own policy forbids fetching, and the console says so where something is tried; names resolve nowhere.
    """
    quiet = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=390,844", f"--user-data-dir={profile}"]
    heard = ["--enable-logging=stderr", "--v=0", "--dump-dom", "--host-resolver-rules=MAP * ~NOTFOUND"]
    done = subprocess.run([str(BROWSER), *quiet, *heard, page.as_uri()], capture_output=True, text=True, timeout=300)
    return done.stdout, re.findall(r".*(?:CONSOLE|net::ERR).*", done.stderr)


def test_the_console_is_heard(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'"><img src="https://x.org/a.png">')
    _, said = opened(page, tmp_path / "profile")
    assert said


def test_the_report_opens_quietly(tmp_path):
    source = provenance.collect(["aat demo"], [])
    found = {"bleu": 96.5, "dictionary_bleu": 1, "copy_bleu": 0}
    recorded_runs.write(tmp_path / "demo", source, {"translation": found})
    page = tmp_path / "report.html"
    page.write_text(report(recorded_runs.find(tmp_path)), encoding="utf-8")
    document, said = opened(page, tmp_path / "profile")
    assert said == []
    assert "96.50" in document


def test_the_attention_page_draws_its_lines(tmp_path):
    tokens = ["東京", "a", "</s>"]
    weights = torch.randn(2, 3, 3, 3).softmax(-1)
    page = tmp_path / "attention.html"
    attended = Attended(tokens, tokens, tokens, weights, weights, weights)
    page.write_text(attention_page.render(attended, "test"), encoding="utf-8")
    document, said = opened(page, tmp_path / "profile")
    assert said == []
    assert document.count("<line ") >= 9
    assert document.count("<canvas") == 6
    assert 'aria-label="layer 2, head 3"' in document

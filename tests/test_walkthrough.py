"""docs/walkthrough.md and its Korean twin say what is so: their commands run and print what the page shows, their
pictures are made again and compared, their Python is run, quoted code stands in the linked files, numbers in the text
are among those that were computed or published.

What is the same in both pages is tested once, after a test that it is the same.
"""

from __future__ import annotations

import ast
import doctest
import re
import shlex
import shutil
import textwrap
from pathlib import Path

import pytest
from documents import Section, numbers, sections, without_remarks
from same_pictures import difference, words
from test_readme_commands import understood

import aat_plugin
from aat_plugin.cli import main
from aat_plugin.results.table3 import VARIATIONS, VOCABULARY

DOCS = Path(aat_plugin.__file__).resolve().parent.parent / "docs"
ENGLISH, KOREAN = (sections(DOCS / name) for name in ("walkthrough.md", "walkthrough.ko.md"))
BY_ANCHOR = {section.anchor: section for section in ENGLISH}
PUBLISHED = {f"{value}" for row in VARIATIONS for value in (row.bleu, row.perplexity, row.sizes.label_smoothing)}
PUBLISHED |= {f"{VOCABULARY:,}", "40,960"}  # tests/cli/test_params.py counts at both vocabularies
# Commands that are run elsewhere.
RUN_ELSEWHERE = {
    "aat figure attention": "needs a trained demo; tests/demo/test_run.py runs it on a tiny one",
    "aat conformance": "takes half a minute: test_all_of_the_conformance_table below",
}
EACH = pytest.mark.parametrize("section", ENGLISH, ids=lambda section: section.anchor)


def identify(section: Section) -> str:
    return section.anchor


def test_both_pages_have_the_same_sections_pictures_commands_code_and_links():
    for ours, theirs in zip(ENGLISH, KOREAN, strict=True):
        assert (ours.anchor, ours.level) == (theirs.anchor, theirs.level)
        assert list(ours.pictures()) == list(theirs.pictures()), ours.anchor
        assert ours.commands() == theirs.commands(), ours.anchor
        assert ours.code_links() == theirs.code_links(), ours.anchor
        assert ours.fenced("python") == theirs.fenced("python"), ours.anchor
        assert [*map(without_remarks, ours.fenced("pycon"))] == [*map(without_remarks, theirs.fenced("pycon"))]
        assert numbers(ours.prose()) == numbers(theirs.prose()), ours.anchor
        assert ours.measured() == [] or len(ours.measured()) == len(theirs.measured())


def test_the_pages_lead_to_all_sections_and_to_each_other():
    for name, page, other in (("walkthrough.md", ENGLISH, "walkthrough.ko.md"),
                              ("walkthrough.ko.md", KOREAN, "walkthrough.md")):  # fmt: skip
        text = (DOCS / name).read_text(encoding="utf-8")
        assert f"]({other})" in text
        for anchor in (section.anchor for section in page):
            assert f"](#{anchor})" in text
        for target in re.findall(r"\]\(#([^)]+)\)", text):
            assert target in BY_ANCHOR, target
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (DOCS / target).is_file(), target


def test_the_korean_page_is_korean():
    for section in KOREAN:
        letters = re.findall(r"[가-힣]", section.prose())
        assert len(letters) > 100, section.anchor


@EACH
def test_each_idea_has_a_picture_a_command_code_and_a_test(section):
    if section.anchor == "next":
        return
    assert section.pictures()
    assert section.commands()
    linked = [file for _, file in section.code_links()]
    assert any("/aat_plugin/" in file for file in linked)
    assert any("/tests/" in file for file in linked)


@EACH
def test_linked_functions_exist(section):
    for name, link in section.code_links():
        file = (DOCS / link).resolve()
        assert file.is_file(), link
        assert name == file.name or name in defined(file), f"{name} is not in {link}"


@EACH
def test_quoted_code_stands_in_a_file_that_the_section_links_to(section):
    links = re.findall(r"\(\.\./(aat_plugin/[^)\s]+\.py)\)", section.text)
    files = [flat((DOCS.parent / link).read_text(encoding="utf-8")) for link in links]
    for block in section.fenced("python"):
        assert any(f"\n{flat(block)}" in file for file in files), block


@pytest.mark.parametrize("page", [ENGLISH, KOREAN], ids=["english", "korean"])
def test_numbers_in_the_text_were_computed_or_published(page):
    for section in page:
        labels = [words((DOCS / name).read_text(encoding="utf-8"))[0] for name in section.pictures()]
        shown = [*section.fenced("pycon"), *section.fenced("text"), *section.fenced("python"), *labels]
        known = numbers(" ".join(shown)) | PUBLISHED
        stated = numbers(section.prose())
        assert stated <= known, f"{section.anchor}: {sorted(stated - known)} stand in no output of the section"


@EACH
def test_the_python_prints_what_the_page_says(section):
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    said: list[str] = []
    for number, code in enumerate(section.fenced("pycon")):
        # Each block starts afresh, so that it can be copied on its own.
        runner.run(parser.get_doctest(code, {}, f"{section.anchor} {number}", None, 0), out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


@pytest.mark.parametrize("section", [one for one in ENGLISH if one.commands()], ids=identify)
def test_the_commands_print_and_draw_what_the_page_shows(section, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command in section.commands():
        line = " ".join(command.words)
        if any(line.startswith(one) for one in RUN_ELSEWHERE):
            understood(shlex.join(command.words))
            continue
        assert main(list(command.words[1:])) == 0
        printed = flat_spaces(capsys.readouterr().out)
        for expected in command.printed:
            assert flat_spaces(expected) in printed, f"{line} printed\n{printed}"
    made = {f"pictures/{file.name}" for file in tmp_path.rglob("docs/pictures/*.svg")}
    assert made == set(section.pictures()) - ({"pictures/cross.svg"} if section.anchor == "cross" else set())
    for name in made:
        new, kept = ((folder / name).read_text(encoding="utf-8") for folder in (tmp_path / "docs", DOCS))
        assert difference(new, kept) is None, f"{name}: {difference(new, kept)}; make it again with its command"
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.mark.slow
def test_all_of_the_conformance_table(capsys):
    commands = [list(one.words) for section in ENGLISH for one in section.commands() if one.words[1] == "conformance"]
    assert commands
    for words_ in commands:
        assert main(words_[1:]) == 0, capsys.readouterr().out


def test_every_committed_picture_is_shown_small_and_has_words_for_those_who_do_not_see_it():
    shown = {name for section in ENGLISH for name in section.pictures()}
    assert shown == {f"pictures/{file.name}" for file in (DOCS / "pictures").iterdir()}
    for name in shown:
        text = (DOCS / name).read_text(encoding="utf-8")
        assert len(text.encode()) < 100 * 1024, name
        assert 'role="img" aria-label="' in text
    for section in (*ENGLISH, *KOREAN):
        assert all(len(alt) > 20 for alt in section.pictures().values())


def test_the_trained_models_picture_quotes_the_made_up_grammar_alone():
    command = next(one for one in BY_ANCHOR["cross"].commands() if "--sentence" in one.words)
    sentence = command.words[command.words.index("--sentence") + 1]
    drawn = words((DOCS / "pictures" / "cross.svg").read_text(encoding="utf-8"))
    tokens = " ".join(token.strip() for token in drawn[1:]).replace("@@ ", "")
    assert all(word in tokens.split() for word in sentence.split())
    from aat_plugin.demo import corpus

    said = (f"{example.source} {example.target}" for example in corpus.generate(3000, 1))
    known = {word for line in said for word in line.split()}
    letters = {word for word in tokens.split() if word.isalpha()}
    assert letters <= known, letters - known


def test_measured_times_say_when_and_on_what():
    found = [text for section in (*ENGLISH, *KOREAN) for text in section.measured()]
    assert len(found) == 2
    for text in found:
        assert re.search(r"\b20\d\d-\d\d-\d\d\b", text)
        assert "torch 2." in text
        assert re.search(r"Intel|AMD|Apple", text), "which processor"


def test_the_chains_beside_the_measured_times_are_those_that_are_counted():
    from aat_plugin.results.figures.parallel import measure

    for page in (ENGLISH, KOREAN):
        text = next(text for section in page for text in section.measured())
        lines = [line for line in text.splitlines() if re.match(r"\| \d", line)]
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
        assert len(rows) == 3
        counted = {(one.layer, str(one.length)): str(one.chain) for one in measure([int(row[0]) for row in rows], 512)}
        for words_, recurrence, _, attention, _ in rows:
            assert counted["recurrence", words_] == recurrence
            assert counted["self-attention", words_] == attention


def defined(file: Path) -> set[str]:
    """Functions, classes and methods of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def flat(code: str) -> str:
    """Lines without their common indentation, which a quotation leaves out: each begins where its text begins."""
    return "\n".join(line.strip() for line in textwrap.dedent(code).strip("\n").splitlines())


def flat_spaces(text: str) -> str:
    """White space as one blank."""
    return " ".join(text.split())

"""What is done to an output that is no tree: each rule with its name, when it fires and an example before and after.

`repair` applies the rules and counts them by these names; the table in docs/parsing.md is `as_markdown()`, and a test
runs every example. No rule looks at a gold tree.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: as counted.
        when: what is wrong.
        what: what is done.
        words: the example's words.
        before: the example's output, in the `vinyals` form.
        after: the tree that comes of it.
    """

    name: str
    when: str
    what: str
    words: str
    before: str
    after: str


RULES: tuple[Rule, ...] = (
    Rule("unknown-symbol", "a symbol is no leaf, opener or closer, such as <unk>", "it is left out",
         "dogs bark", "(S <unk> XX XX )S", "(TOP (S (XX dogs) (XX bark)))"),
    Rule("surplus-leaf", "a leaf, and every word has been used", "it is left out",
         "dogs bark", "(S XX XX XX )S", "(TOP (S (XX dogs) (XX bark)))"),
    Rule("missing-leaf", "the symbols are over, and words are left", "the words go, one beside the other, to the end "
         "of the outermost bracket still open, else of the only bracket there is, else of the sentence",
         "dogs bark loudly", "(S (NP XX )NP XX )S", "(TOP (S (NP (XX dogs)) (XX bark) (XX loudly)))"),
    Rule("missing-opener", "a closer, and nothing is open, and what was said is not one bracket",
         "its bracket is opened before all that was said",
         "dogs bark", "(NP XX )NP XX )S", "(TOP (S (NP (XX dogs)) (XX bark)))"),
    Rule("surplus-closer", "a closer, and nothing is open, and nothing was said or one bracket holds it all",
         "it is left out",
         "dogs bark", "(S XX XX )S )S", "(TOP (S (XX dogs) (XX bark)))"),
    Rule("missing-closer", "a closer of a bracket that is open further out",
         "the brackets inside that one are closed before it (each counts once)",
         "dogs bark", "(S XX (VP XX )S", "(TOP (S (XX dogs) (VP (XX bark))))"),
    Rule("wrong-closer", "a closer whose label is not open at all", "the innermost open bracket ends there, under the "
         "label it was opened with",
         "dogs bark", "(S (NP XX )PP XX )S", "(TOP (S (NP (XX dogs)) (XX bark)))"),
    Rule("unclosed", "the symbols are over, and brackets are open", "they are closed (each counts once)",
         "dogs bark", "(S (NP XX )NP XX", "(TOP (S (NP (XX dogs)) (XX bark)))"),
    Rule("empty-bracket", "a bracket that holds no word", "it is left out",
         "dogs bark", "(S (NP )NP XX XX )S", "(TOP (S (XX dogs) (XX bark)))"),
    Rule("flat", "no leaf was said", "all words stand in one S",
         "dogs bark", "(S (VP )VP )S", "(TOP (S (XX dogs) (XX bark)))"),
    Rule("cut-off", "the output has no end symbol: it ran into the length limit",
         "it is read as far as it goes, by the rules above",
         "dogs bark", "(S (NP XX )NP (VP XX", "(TOP (S (NP (XX dogs)) (VP (XX bark))))"),
)


def as_markdown() -> str:
    """The table for the docs."""
    lines = ["| rule | when | what is done | words | before | after |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {rule.name} | {rule.when} | {rule.what} | {rule.words} | `{rule.before}` | `{rule.after}` |"
        for rule in RULES
    ]
    return "\n".join(lines)

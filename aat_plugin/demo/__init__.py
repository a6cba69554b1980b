"""The demo behind `make demo`: an English-German grammar that makes its own corpus, and the run on it.

Not a section of the paper: a stand-in for its corpora (WMT 2014 for Section 6.1, the Penn Treebank for 6.3) that needs
no download. Pure Python. Read in this order: `lexicon` (the words), `meaning` (what a sentence says), `sampling` (draws
one), `english` and `german` (say it, in two languages), `corpus` (the data sets), `baselines`, `run`.
"""

from __future__ import annotations

"""Section 6.3: English constituency parsing, from a treebank's brackets to F1 as EVALB counts it.

Read `trees`, then `cleaning`, `linearise` with `repair`, `constraint`, and `evalb` for the score. Nothing here imports
fairseq; only `constraint` imports torch.
"""

"""The paper's pictures, each from what runs: a config, the code of an equation, a log, a trained model.

A module makes a `charts.Picture`; `aat figure` and the report write it. Read in the paper's order: `model` (Figure 1),
`worked_example` (Figure 2), `positions` (3.5), `schedule` (5.3), `smoothing` (5.4), `training`, `attention` (Figures 3
to 5), `constituents`. docs/walkthrough.md's own: `scaling`, `dependence`, `resolution`, `residual`, `parallel`, `beam`.
"""

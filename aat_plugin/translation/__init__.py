"""Section 6.1: from a trained model to translations and their score, as plain PyTorch.

Read `length_penalty`, then `search_options` and `beam_search`.
"""

"""Section 5 of the paper: the schedule (5.3), label smoothing (5.4), and where dropout's randomness comes from (5.4).

Plain functions of tensors and numbers; `bindings` joins them to fairseq's trainer.
"""

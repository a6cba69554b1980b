"""Checkpoints that travel: to stock fairseq and back, to safetensors and back, to CTranslate2.

Each target has a checker that lists every reason why a model cannot go there (`reasons`), before anything is written.
Only this room imports safetensors and ctranslate2. Read `stock_weights` (how a model of ours is said in stock
fairseq's words), `to_fairseq`, `from_fairseq`, `safetensors_folder`, `ctranslate2_folder`, `ctranslate2_engine`.
"""

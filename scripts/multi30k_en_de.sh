#!/usr/bin/env bash
# Multi30k English–German from nothing to a score: fetch, prepare, train, average, translate, score, report.
#
#   scripts/multi30k_en_de.sh                                    the whole run: 5,500 updates of 8,192 tokens
#   scripts/multi30k_en_de.sh --system fairseq                   stock fairseq's transformer, all else equal
#   scripts/multi30k_en_de.sh --raw DIR                          train, val, test2016 .en and .de are there already
#   scripts/multi30k_en_de.sh --out DIR --average 3 optimization.max_update=1000 'batch=4k_${hardware}'
#   scripts/multi30k_en_de.sh --dry-run                          print the commands
#
# Words with "=" are Hydra overrides of conf/multi30k_en_de.yaml. Run again after a stop, it goes on where it was.
# The captions are for research and education only, non-commercial; `aat fetch` says so too.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/recipe.sh"
flags= options="raw out system average"
out=runs/multi30k_en_de raw= system=aat average=10
read_options "$@"
run=$out/$system

if [ -z "$raw" ]; then
    raw=$out/raw
    if [ "$dry" = true ]; then typed aat fetch multi30k_en_de -o "$raw"; else aat fetch multi30k_en_de -o "$raw"; fi
fi
prepare pair --lowercase --bpe 10000 --train "$raw/train.en" "$raw/train.de" --valid "$raw/val.en" "$raw/val.de" \
    --test "$raw/test2016.en" "$raw/test2016.de"
train multi30k_en_de "system=$system"
average "$average" epoch
# What the published 41.0 was decoded with: stock fairseq's rules, and its defaults but for the beam of 5.
search=(--lenpen 1 --length-penalty power --stop-rule count --length-limit batch)
translate en de 5 --remove-bpe
score multi-bleu de "$raw/test2016.de" --lowercase
score sacrebleu de "$raw/test2016.de" --lowercase
report "Multi30k EN-DE, $system, test2016" 41.0 multi-bleu sacrebleu

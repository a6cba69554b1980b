#!/usr/bin/env bash
# A parser from a small treebank on a processor, to its F1: prepare, train, average, parse, score,
# and rows for `aat report table4`.
#
#   scripts/treebank_small.sh --train train.ptb --valid dev.ptb --test test.ptb
#   scripts/treebank_small.sh … --system lstm                    fairseq's lstm with attention, of as many weights
#   scripts/treebank_small.sh … --out DIR --average 3 --beam 4 optimization.max_update=1000
#   scripts/treebank_small.sh … model.next_word=false            the paper's decoder, which learns far more slowly
#   scripts/treebank_small.sh … --dry-run                        print the commands and run none
#
# Words with "=" are Hydra overrides of conf/treebank_small.yaml. Run again after a stop, it goes on where it was.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/recipe.sh"
. "$here/parsing_recipe.sh"
flags= options="train valid test out system average beam"
out=runs/treebank_small train= valid= test= system=aat average=5 beam=21
read_options "$@"
for split in train valid test; do
    [ -n "${!split}" ] || fail "--$split FILE is needed: trees in brackets (--help has an example)"
done
run=$out/$system

# Whole words, of which a leaf each, and tags as leaves: what small data can learn (docs/parsing.md).
prepare trees --linearisation tags --bpe 0 --unknown-classes --train "$train" --valid "$valid" --test "$test"
train treebank_small "system=$system"
average "$average" update
parse_and_score "$beam" "$system, a small treebank" # for Table 4's rows of the journal see wsj_parsing.sh

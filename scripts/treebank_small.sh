#!/usr/bin/env bash
# A parser from a small treebank on a processor, to its F1: prepare, train, average, parse, score.
#
#   scripts/treebank_small.sh --train train.ptb --valid dev.ptb --test test.ptb
#   scripts/treebank_small.sh … --system lstm                    fairseq's lstm with attention, of as many weights
#   scripts/treebank_small.sh … --out DIR --average 3 --beam 4 optimization.max_update=1000
#   scripts/treebank_small.sh … model.next_word=false            the paper's decoder, which learns far more slowly
#   scripts/treebank_small.sh … --dry-run                        say the commands and run none
#
# Words with "=" are Hydra overrides of conf/treebank_small.yaml. Run again after a stop, it goes on where it was.
set -euo pipefail

out=runs/treebank_small train='' valid='' test='' system=aat average=5 beam=21 run=run overrides=()
while [ $# -gt 0 ]; do
    case "$1" in
        --train | --valid | --test | --out | --system | --average | --beam)
            [ $# -gt 1 ] || { echo "$0: $1 needs a value" >&2; exit 2; }
            declare "${1#--}=$2"
            shift 2 ;;
        --dry-run) run=say; shift ;;
        -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0"; exit 0 ;;
        *=*) overrides+=("$1"); shift ;;
        *) echo "$0: no option $1 (--help lists what there is)" >&2; exit 2 ;;
    esac
done
for split in train valid test; do
    [ -n "${!split}" ] || { echo "$0: --$split FILE is needed: trees in brackets (--help has an example)" >&2; exit 2; }
done
command -v aat > /dev/null || PATH="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH"
command -v aat > /dev/null || { echo "$0: aat is not installed; run make install first" >&2; exit 2; }
run() { "$@"; }
say() { printf '%q ' "$@"; echo; }

# Whole words, of which a leaf each, and tags as leaves: what small data can learn (docs/parsing.md).
$run aat prepare trees --linearisation tags --bpe 0 --unknown-classes -o "$out/data" \
    --train "$train" --valid "$valid" --test "$test"

model=$out/$system
$run fairseq-hydra-train --config-dir "$(aat conf-dir)" --config-name treebank_small "system=$system" \
    "task.data=$out/data/data-bin" "checkpoint.save_dir=$model" ${overrides[@]+"${overrides[@]}"}
$run aat average --last "$average" --by update "$model" -o "$model/averaged.pt"

# The test words as they stand in the trees; α and the limit are the paper's.
gold=$out/data/data-bin/test.trees
[ $run = say ] || sed -E 's/\(+[^ ()]+ //g; s/\)//g' "$gold" > "$model/test.words"
for search in --free --constrained; do
    trees=$model/test.${search#--}.trees
    $run aat parse --checkpoint "$model/averaged.pt" --data "$out/data" --tokenized $search --beam "$beam" \
        --input "$model/test.words" --output "$trees" --report "${trees%.trees}.json"
    $run aat score parse --gold "$gold" --pred "$trees"
done

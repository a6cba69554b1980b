#!/usr/bin/env bash
# WMT14 from nothing to the figures of Table 2: fetch and prepare, train, average, translate, score, report,
# and a row for `aat report table2`.
#
#   scripts/wmt14_en_de.sh base                  English–German; published 27.3 BLEU (big: 28.4)
#   scripts/wmt14_en_fr.sh big                   English–French; published 41.8 BLEU (base: 38.1)
#   scripts/wmt14_en_de.sh base --dry-run        print the commands
#   scripts/wmt14_en_de.sh base --tiny           all of it in miniature, for trying the path: scores mean nothing
#
#   --hardware gpu8|gpu4|gpu2|gpu1|cpu           the same updates on any of them; default gpu8
#   --raw DIR | --mirror URL                     your archives (or what is in them), or another address than statmt.org
#   --pieces bpe|wordpiece  --moses DIR          see aat prepare wmt14_en_de --help
#   --system fairseq                             stock fairseq's transformer, all else equal
#   --out DIR                                    default runs/wmt14_en_de; base and big share its data
#
# Words with "=" are Hydra overrides, such as common.fp16=true. Run again after a stop, it goes on where it was.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/recipe.sh"
task=$1 flags=tiny options="raw mirror pieces moses system hardware out"
shift
case "${1-}" in base | big) size=$1; shift ;; -h | --help) usage ;; *) fail "say base or big first" ;; esac
tiny=false raw= mirror= pieces=bpe moses= system=aat hardware=gpu8 out=
read_options "$@"

target=${task#wmt14_en_}
out=${out:-runs/$task}
run=$out/$system-$size
words=("$task" --pieces "$pieces")
settings=("system=$system")
[ "$size" = base ] && last=5 || last=20
if [ "$tiny" = true ]; then
    case "$out" in /*) mirror=file://$out/mirror ;; *) mirror=file://$PWD/$out/mirror ;; esac
    hardware=cpu mirror=${mirror// /%20}
    [ "$dry" = true ] || mkdir -p "$out"
    run=$out step mirror "$out/mirror/wmt14/test-full.tgz" python "$here/tiny_wmt14.py" "$out/mirror"
    words+=(--any-content --bpe 150 --workers 1)
    settings+=(batch=1k_cpu model.num_layers=1 model.d_model=16 model.d_ff=32 model.num_heads=2 dataset.num_workers=0)
    settings+=("optimization.max_update=$((last + 1))" checkpoint.save_interval_updates=1)
fi
[ -z "$raw" ] || words+=(--raw "$raw")
[ -z "$mirror" ] || words+=(--mirror "$mirror")
[ -z "$moses" ] || words+=(--moses "$moses")

prepare "${words[@]}"
train "${task}_$size" "${settings[@]}" "hardware=$hardware"
average "$last" update # Section 6.1: 5 for base, 20 for big
[ "$pieces" = bpe ] && joined=(--remove-bpe) || joined=(--remove-bpe sentencepiece)
translate en "$target" 4 "${joined[@]}"

# EN-DE: compounds are split, as the paper's authors did (docs/scoring.md). EN-FR has none to split.
[ "$target" = de ] && protocol=paper || protocol=multi-bleu
case "$task-$size" in
    wmt14_en_de-base) published=27.3 ;;
    wmt14_en_de-big) published=28.4 ;;
    wmt14_en_fr-base) published=38.1 ;;
    *) published=41.8 ;;
esac
reference=$out/data/raw/newstest2014-${target}en-ref.$target
score "$protocol" "$target" "$reference"
score sacrebleu "$target" "$reference"
row=$size # the paper's own; another stands below the table
[ "$system" = aat ] || row="$system $size"
if [ "$tiny" = true ]; then
    published="none, for this is a trial in miniature"
    row="$row, a trial in miniature"
fi
report "WMT14 EN-${target^^}, $system $size, newstest2014" "$published" "$protocol" sacrebleu
record table2 "$row" "en_$target" "$run/bleu.$protocol.json" "$run/table2"

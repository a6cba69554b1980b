#!/usr/bin/env bash
# A parser of the Wall Street Journal, to the figures of Table 4 (Section 6.3): prepare, train, average, parse, score,
# and rows for `aat report table4`.
#
#   scripts/wsj_parsing.sh wsj --ptb LDC99T42                    published 91.3 F1 on section 23
#   scripts/wsj_parsing.sh semi --ptb LDC99T42 --silver FILE     published 92.7; aat silver makes silver trees
#   scripts/wsj_parsing.sh wsj --ptb LDC99T42 --dry-run          print the commands and run none
#
#   --hardware gpu8|gpu4|gpu2|gpu1|cpu                           the same updates on any of them; default gpu8
#   --system lstm  --average 5  --beam 21  --out DIR             default runs/wsj_parsing, runs/wsj_parsing_semi
#   --any-counts                                                 other trees than everybody's; for trying the path
#
# Words with "=" are Hydra overrides. Run again after a stop, it goes on where it was.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/recipe.sh"
. "$here/parsing_recipe.sh"
flags=any_counts options="ptb silver hardware system average beam out"
case "${1-}" in wsj | semi) setting=$1; shift ;; -h | --help) usage ;; *) fail "say wsj or semi first" ;; esac
any_counts=false ptb= silver= hardware=gpu8 system=aat average=5 beam=21 out=
read_options "$@"
[ -n "$ptb" ] || fail "--ptb FOLDER is needed: the Penn Treebank, LDC99T42"
[ "$setting" = wsj ] || [ -n "$silver" ] || fail "semi needs --silver FILE: trees of two parsers that agree (aat silver)"

experiment=wsj_parsing words=(wsj --ptb "$ptb") row=$setting # the row that Table 4 has; another stands below it
[ "$setting" = wsj ] || { experiment=wsj_parsing_semi; words+=(--silver "$silver"); }
[ "$any_counts" = false ] || { words+=(--any-counts); row="$row, other trees"; }
[ "$system" = aat ] || row="$system $row"
out=${out:-runs/$experiment}
run=$out/$system

prepare "${words[@]}"
train "$experiment" "system=$system" "hardware=$hardware"
average "$average" update # Section 6.1 averages 5; for parsing the paper does not say
parse_and_score "$beam" "$row"

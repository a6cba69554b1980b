# What the recipes of parsers share besides recipe.sh; sourced after it, not run.

# parse_and_score BEAM ROW: the test set's words as they stand in the trees, parsed freely, as the paper, and by a search
# that says only trees; F1 of both, and their rows of Table 4. α and the limit are the paper's.
parse_and_score() {
    local gold=$out/data/data-bin/test.trees search trees row
    step words "$run/test.words" into "$run/test.words" sed -E 's/\(+[^ ()]+ //g; s/\)//g' "$gold"
    for search in free constrained; do
        trees=$run/test.$search.trees row=$2
        [ "$search" = free ] || row="$2, constrained search"
        step "parse-$search" "$trees" aat parse --checkpoint "$run/averaged.pt" --data "$out/data" --tokenized \
            "--$search" --beam "$1" --input "$run/test.words" --output "$trees" --report "${trees%.trees}.json"
        step "score-$search" "$run/f1.$search.txt" into "$run/f1.$search.txt" aat score parse --gold "$gold" \
            --pred "$trees"
        [ "$dry" = true ] || cat "$run/f1.$search.txt"
        step "json-$search" "$run/f1.$search.json" into "$run/f1.$search.json" aat score parse --json --gold "$gold" \
            --pred "$trees"
        record table4 "$row" f1 "$run/f1.$search.json" "$run/table4.$search"
    done
}

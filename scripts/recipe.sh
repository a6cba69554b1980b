# What the recipes share; sourced by them, not run. A recipe's steps:
#
#   prepare → train → average → translate → score → report → record
#
# A step whose command and output are there is not done again; when one ran, what follows it runs too. With --dry-run the
# commands are printed. Read wmt14.sh next.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dry=false again=false overrides=()

fail() { echo "$0: $1" >&2; exit 2; }

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0"; exit 0; }

# read_options WORDS…: sets the variables that `flags` (yes or no) and `options` (with a value) name; Hydra's overrides
# go into `overrides`.
read_options() {
    local name
    while [ $# -gt 0 ]; do
        name=${1#--} name=${name//-/_}
        case "$1" in
            -h | --help) usage ;;
            --dry-run) dry=true; shift ;;
            --*) case " $flags " in *" $name "*) declare -g "$name=true"; shift; continue ;; esac
                case " $options " in *" $name "*) ;; *) fail "no option $1 (--help lists what there is)" ;; esac
                [ $# -gt 1 ] || fail "$1 needs a value"
                declare -g "$name=$2"; shift 2 ;;
            *=*) overrides+=("$1"); shift ;;
            *) fail "no option $1 (--help lists what there is)" ;;
        esac
    done
    command -v aat > /dev/null || PATH="$here/../.venv/bin:$PATH"
    command -v aat > /dev/null || fail "aat is not installed; run make install first"
}

# typed WORDS…: a command as one would type it.
typed() {
    local words
    if [ "$1" = into ]; then
        printf -v words ' %q' "${@:3}"
        printf '%s > %q\n' "${words# }" "$2"
    else
        printf -v words ' %q' "$@"
        printf '%s\n' "${words# }"
    fi
}

typed_here=$(typed "scripts/$(basename "$0")" "$@") # the recipe as it was typed: sourced, this file sees its words

# into FILE COMMAND…: its output, in a file that is whole or not there.
into() {
    "${@:2}" > "$1.unfinished"
    mv "$1.unfinished" "$1"
}

# step NAME FILE COMMAND…: run a command that makes FILE, unless it did so before.
step() {
    local name=$1 made=$2 line
    shift 2
    line=$(typed "$@")
    if [ "$dry" = true ]; then echo "$line"; return; fi
    if [ "$again" = false ] && [ -e "$made" ] && [ "$(cat "$run/.$name.done" 2> /dev/null)" = "$line" ]; then
        echo "$name: done before"
        return
    fi
    again=true
    rm -f "$run/.$name.done"
    echo "$name: $line"
    "$@"
    echo "$line" > "$run/.$name.done"
}

# prepare WORDS…: aat prepare, which does nothing twice by itself. A run that was begun with other data is not gone on with.
prepare() {
    if [ "$dry" = true ]; then typed aat prepare "$@" -o "$out/data"; return; fi
    aat prepare "$@" -o "$out/data"
    local data
    data=$(grep '"sha256"' "$out/data/manifest.json" | cksum)
    mkdir -p "$run"
    [ -e "$run/.data" ] || echo "$data" > "$run/.data"
    [ "$(cat "$run/.data")" = "$data" ] || fail "$out/data is not what $run was begun with; give another --out"
}

# train EXPERIMENT WORDS…: goes on where it was stopped.
train() {
    step train "$run/checkpoint_last.pt" fairseq-hydra-train --config-dir "$(aat conf-dir)" --config-name "$1" \
        "task.data=$out/data/data-bin" "checkpoint.save_dir=$run" "${@:2}" ${overrides[@]+"${overrides[@]}"}
}

# average LAST BY: the mean of the last checkpoints (Section 6.1).
average() { step average "$run/averaged.pt" aat average --last "$1" --by "$2" "$run" -o "$run/averaged.pt"; }

# translate SOURCE TARGET BEAM WORDS…: the test set, as `search` says: the paper's α of 0.6 and limit of |x| + 50 (Section
# 6.1), where the recipe says nothing else.
search=(--lenpen 0.6 --max-len-a 1 --max-len-b 50)
translate() {
    local device
    device=$(python -c 'import torch; print("" if torch.cuda.is_available() else "--cpu")')
    step translate "$run/test.out" into "$run/test.out" fairseq-generate "$out/data/data-bin" \
        --user-dir "$(aat user-dir)" --task aat_translation --path "$run/averaged.pt" --source-lang "$1" \
        --target-lang "$2" --beam "$3" "${search[@]}" --max-tokens 4096 $device "${@:4}"
}

# score PROTOCOL LANGUAGE REFERENCE WORDS…: BLEU, as JSON in a file of its own.
score() {
    step "score-$1" "$run/bleu.$1.json" into "$run/bleu.$1.json" aat score bleu --json --protocol "$1" --lang "$2" \
        --hyp "$run/test.out" --ref "$3" "${@:4}"
}

# report TITLE PUBLISHED PROTOCOLS…: the scores beside the published one, with all that it takes to run them again.
report() {
    local protocol files=()
    for protocol in "${@:3}"; do files+=("$run/bleu.$protocol.json"); done
    step report "$run/results.json" python "$here/report_scores.py" --title "$1" --published "$2" --run "$run" \
        --data "$out/data/manifest.json" "${files[@]}"
    [ "$dry" = true ] || cat "$run/report.md"
}

# record TABLE ROW COLUMN SCORE FOLDER: the score for `aat report`, in a folder of its own. A row that the table does not
# have stands below it.
record() {
    step "record-$(basename "$5")" "$5/results.json" aat report record "$1" --row "$2" --column "$3" --score "$4" \
        --command "$typed_here" --data "$out/data/manifest.json" --data "$run/averaged.pt" --folder "$5"
}

#!/usr/bin/env bash
# Train on several devices, of one machine or of several, with torch's launcher.
#
#   scripts/launch_torchrun.sh --nproc 8 -- wmt14_en_de_base task.data=DATA
#   scripts/launch_torchrun.sh --nproc 8 --nodes 2 --master HOST:29500 -- wmt14_en_de_big   # the same on both machines
#   scripts/launch_torchrun.sh --nproc 2 --cpu -- demo_translation task.data=DATA           # without GPUs
#
# After -- come an experiment of conf/ and Hydra's overrides. update_freq is yours to give: `aat plan` says which.
# Where a worker dies, all end; the same command goes on from the last checkpoint, as --restarts N does by itself.
set -euo pipefail

say() { echo "launch_torchrun.sh: $*" >&2; }
fail() { say "$*"; exit 2; }

nproc=1 nodes=1 master="" restarts=0 cpu=false
while [ $# -gt 0 ]; do
    case $1 in
        --nproc | --nodes | --master | --restarts)
            [ $# -gt 1 ] || fail "$1 needs a value"
            declare "${1#--}=$2" && shift 2 ;;
        --cpu) cpu=true && shift ;;
        -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" && exit 0 ;;
        --) shift && break ;;
        *) fail "unknown option '$1'; --help shows how it is used" ;;
    esac
done
[ $# -gt 0 ] || fail "which experiment? give it after --, such as: --nproc 8 -- wmt14_en_de_base"
for number in "$nproc" "$nodes" "1$restarts"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || fail "--nproc, --nodes and --restarts are numbers, not '$number'"
done
[ "$nodes" = 1 ] || [ -n "$master" ] || fail "--nodes $nodes needs --master HOST:PORT, the same on every machine"
experiment=$1 && shift
command -v aat > /dev/null || PATH="$(cd "$(dirname "$0")/.." && pwd)/.venv/bin:$PATH"
command -v aat > /dev/null || fail "aat is not installed; run make install first"

words=(fairseq-hydra-train --config-dir "$(aat conf-dir)" --config-name "$experiment"
    "distributed_training.distributed_world_size=$((nproc * nodes))")
if $cpu; then
    words+=("hardware=cpu" "distributed_training.distributed_backend=gloo" "distributed_training.ddp_backend=legacy_ddp")
fi
if [ $((nproc * nodes)) = 1 ]; then
    exec "${words[@]}" "$@"
fi
if $cpu; then # fairseq takes the launcher's variables by itself, but only where there are GPUs
    words+=("distributed_training.distributed_rank=\${oc.env:RANK}" "distributed_training.distributed_no_spawn=true"
        "distributed_training.distributed_init_method=env://")
fi
meeting=(--standalone)
[ "$nodes" = 1 ] || meeting=(--nnodes "$nodes" --rdzv-backend c10d --rdzv-endpoint "$master"
    --rdzv-id "aat-$experiment")

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
if ! torchrun "${meeting[@]}" --nproc-per-node "$nproc" --max-restarts "$restarts" --no-python "${words[@]}" "$@"; then
    say "a worker ended too early and the others were ended with it (torchrun names the first one above)."
    say "The same command goes on from the last checkpoint; --restarts 3 does so by itself."
    exit 1
fi

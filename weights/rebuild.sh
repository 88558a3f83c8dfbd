#!/usr/bin/env bash
# Makes best.npz from nothing: the corpus, then the eight stages that this folder's README describes.
#   weights/rebuild.sh REAL [FOLDER]
# REAL holds the recordings and their manifest.jsonl (docs/corpus.md); all that is made goes to FOLDER (default: rebuilt).
# Stopped, it goes on where it was when it is started again.
set -euo pipefail
[ $# -ge 1 ] && [ -f "$1/manifest.jsonl" ] || { sed -n '2,5s/^# //p' "$0"; exit 2; }
real=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
mkdir -p "${2:-rebuilt}"
cd "${2:-rebuilt}"
export OMP_NUM_THREADS=1

stage() { # NAME WEIGHTS EXPORTED [MEAN]: learns NAME.yaml from WEIGHTS (none: -) and exports the run or its last checkpoint
  local begin=() half=()
  [ "$2" = - ] || begin=(--init "$2")
  [ ! -f "runs/$1/last.pt" ] || begin+=(--resume)
  [ -z "${4:-}" ] || half=(--mean-with "$4")
  torchrun --nproc-per-node 2 -m fmg_train fit --config "$here/$1.yaml" --out "runs/$1" "${begin[@]}"
  fmg-train export "runs/$1$3" -o "$1.npz" "${half[@]}"
}

fmg-train corpus --out data/corpus --hours 40 --seed 1 --jobs 2 --real "$real"
fmg-train cache data/corpus --no-egemaps --jobs 2
stage stage1 - ""
stage stage2 stage1.npz ""
stage stage3 stage2.npz /last.pt
stage stage4 stage2.npz ""
stage stage5 stage4.npz /last.pt stage3.npz
stage stage6 stage5.npz /last.pt stage5.npz
stage stage7 stage6.npz /last.pt
stage stage8 stage7.npz /last.pt
fmg-train export runs/stage8/last.pt -o best.npz --mean-with stage7.npz --emotion data/corpus/real-emodb

#!/usr/bin/env bash
# Makes best.npz from nothing: the corpus, then the ten stages that this folder's README describes.
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

stage() { # NAME WEIGHTS RUN [OPTION...]: learns NAME.yaml from WEIGHTS (none: -) and exports RUN, or its last checkpoint
  local begin=()
  [ "$2" = - ] || begin=(--init "$2")
  [ ! -f "runs/$1/last.pt" ] || begin+=(--resume)
  torchrun --nproc-per-node 2 -m fmg_train fit --config "$here/$1.yaml" --out "runs/$1" "${begin[@]}"
  fmg-train export "runs/$3" -o "$1.npz" "${@:4}"
}

fmg-train corpus --out data/corpus --hours 40 --seed 1 --jobs 2 --real "$real"
fmg-train cache data/corpus --no-egemaps --jobs 2
stage stage1 - stage1
stage stage2 stage1.npz stage2
stage stage3 stage2.npz stage3/last.pt
stage stage4 stage2.npz stage4
stage stage5 stage4.npz stage5/last.pt --mean-with stage3.npz
stage stage6 stage5.npz stage6/last.pt --mean-with stage5.npz
stage stage7 stage6.npz stage7/last.pt
stage stage8 stage7.npz stage8/last.pt --mean-with stage7.npz --emotion data/corpus/real-emodb \
  --calm data/corpus/real-librispeech --calm data/corpus/real-grid --calm data/corpus/real-facegood --calm data/corpus/real-dorodoro \
  --calm data/corpus/shard-00000 --calm data/corpus/shard-00001
stage stage9 stage8.npz stage9/last.pt
stage stage10 stage9.npz stage10/last.pt --mean-with stage9.npz
cp stage10.npz best.npz

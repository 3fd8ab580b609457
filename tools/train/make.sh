#!/bin/sh
# Makes the shipped model from nothing: tokenizer, corpus, training, export, evaluation. Needs a CUDA GPU, python3,
# PyTorch and numpy. Usage: make.sh OUTDIR [DOCUMENTS [STEPS]]
set -eu
out=$1 documents=${2:-1500000} steps=${3:-5000}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$out"
python3 "$here/tokenizer.py" "$out/tokenizer.json"
python3 "$here/corpus.py" "$out/tokenizer.json" "$out/train.rows" --documents "$documents" --seed 1
python3 "$here/corpus.py" "$out/tokenizer.json" "$out/held-out.rows" --documents 12000 --seed 2 --held-out
python3 "$here/train.py" "$out/train.rows" "$out/held-out.rows" "$out/checkpoint.pt" --steps "$steps"
python3 "$here/export.py" "$out/checkpoint.pt" "$out/tokenizer.json" "$out/lull-toy-q8_0.gguf"
python3 "$here/evaluate.py" "$out/lull-toy-q8_0.gguf" --out "$out/evaluation.json"

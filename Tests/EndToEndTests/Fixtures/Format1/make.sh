#!/usr/bin/env bash
# Makes the checkpoints of trainer_state.json's format 1 that ResumeFormatTests goes on from, with a program of version 0.1.0:
#   make.sh path/to/swift-prefopt
# Each run is 4 steps long and was made twice: once to its end (NAME/final.safetensors), once stopped after step 2.
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
rm -rf model other dpo modpo lora rows.jsonl

python3 - <<'ROWS'
import json, random
random.seed(7)
ids = lambda most: [random.randrange(1, 40) for _ in range(random.randint(2, most))]
with open("rows.jsonl", "w") as rows:
    for _ in range(12):
        scores = lambda: {"kind": random.randrange(-10, 11) / 10}
        rows.write(json.dumps({"prompt_ids": ids(6), "chosen_ids": ids(8), "rejected_ids": ids(8),
                               "scores_chosen": scores(), "scores_rejected": scores()}) + "\n")
ROWS
cat > config.json <<'SHAPE'
{"model_type": "llama", "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
 "num_key_value_heads": 1, "vocab_size": 40, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu",
 "tie_word_embeddings": true, "eos_token_id": 1, "bos_token_id": 0}
SHAPE
"$program" init --config config.json --output model --seed 1
"$program" init --config config.json --output other --seed 2
rm config.json

common="model_name_or_path: model
train_file: rows.jsonl
global_batch_size: 5
max_steps: 4
save_steps: 2
threads_per_rank: 1
reproducible: true
reference_cache: cache
learning_rate: 1e-3"

run() {  # name, further lines
    printf '%s\noutput_dir: out\n%s\n' "$common" "$2" > run.yaml
    "$program" train run.yaml
    mkdir "$1"
    mv run.yaml "$1/run.yaml"
    mv out/checkpoint-2 "$1/checkpoint-2"
    for file in model adapter_model; do
        if [ -f "out/final/$file.safetensors" ]; then mv "out/final/$file.safetensors" "$1/final.safetensors"; fi
    done
    rm -rf out cache
}
run dpo $'loss_type: sigmoid\nbeta: 0.3\nlabel_smoothing: 0.1\nnll_weight: 0.25'
run modpo $'loss_type: modpo\nbeta: 0.2\npreference_name: helpful
weights: {helpful: 0.5, kind: 0.2, brief: 0.1, other: 0.2}
margins:\n  brief: {length: -0.5}\n  other: {model: other, beta: 0.4}'
run lora $'loss_type: simpo\nbeta: 2.5\ngamma_beta_ratio: 0.4\nuse_peft: true\nlora_r: 4\nlora_alpha: 8\nlora_dropout: 0.1
lora_target_modules: [q_proj, v_proj]'

#!/usr/bin/env bash
# The choices of the page on robustness, one set otherwise at a time, in order of worth.
#
#   workflow/robustness.sh [PRESET] [SEEDS]          (small and 0, unless said otherwise)
#
# What is stored already is not computed again, and what needs no other network shares the preset's. A step that
# fails says so and the next one begins. PYTHON names the interpreter.
set -uo pipefail
preset=${1:-small}
seeds=${2:-0}
python=${PYTHON:-python3}
cd "$(dirname "$0")/.."

step() {
  "$python" -m mfta.cli compute "$@" --preset "$preset" --seeds "$seeds" || echo "failed: $*" >&2
}

# A measurement of the preset's own networks.
step layer_memorization --set remove_centers=false
step layer_memorization --set points=15
# Other networks. Only the best epoch is gone back to: no verdict needs more.
other() {
  step layer_memorization "$@"
  step rewinding "$@" --set "rewound_to=[]"
  step gradients "${@:1:2}"
}
other --set permuted_fraction=0.2 --set points=20
other --set permuted_fraction=0.8 --set points=20
other --set batch_norm=true
# What the paper may have done otherwise, for the comparison with its Fig. 3; between the best and the last epoch no
# rule looks. The first two measure the preset's own networks.
for choice in before_activation=true projection=5000 augment=true schedule=constant train_per_class=200 epochs=120 \
  learning_rate=0.03; do
  step layer_memorization --set "$choice" --set "measured_epochs=[]"
done

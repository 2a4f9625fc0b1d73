#!/usr/bin/env bash
# The paper preset on one GPU, in order of worth, so that it can be cut at any moment.
#
#   workflow/paper.sh OUT [--set NAME=VALUE …]
#
# After every step OUT/tables.tar.gz holds all tables and certificates made so far (unpack it in results/) and
# OUT/paper.log what was said. A step that fails is noted in the log and the next one begins. What is stored
# already is not computed again. PRESET=quick or small tries the script without a GPU; PYTHON names the
# interpreter; WIDTHS_AT_ONCE is how many networks of the width scan share the GPU.
set -uo pipefail
out=$(mkdir -p "${1:?give a folder for the tables}" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
preset=${PRESET:-paper}
python=${PYTHON:-python3}
results=${MFTA_RESULTS:-results}

step() {
  echo "$(date -u +%H:%M:%S) $*" >> "$out/paper.log"
  "$python" -m mfta.cli compute "$@" --preset "$preset" >> "$out/paper.log" 2>&1 \
    || echo "failed: $*" >> "$out/paper.log"
  # Written beside and renamed, so that a cut leaves the last whole archive.
  tar -czf "$out/tables.tar.gz.new.$$" -C "$results" "$preset" 2>> "$out/paper.log" \
    && mv "$out/tables.tar.gz.new.$$" "$out/tables.tar.gz"
}

widths() {
  "$python" -c "from mfta.configs import preset_values as p; print(*p('$preset', 'double_descent')['widths'])"
}

for section in layer_memorization rewinding dispute gradients probes neurons; do
  step "$section" --seeds 1 "$@"
done
for width in $(widths); do
  step double_descent --seeds 1 --set "widths=[$width]" "$@" &
  while [ "$(jobs -rp | wc -l)" -ge "${WIDTHS_AT_ONCE:-4}" ]; do wait -n; done
done
wait
for section in layer_memorization rewinding dispute gradients probes neurons; do
  step "$section" --seeds 2,3 "$@"
done
step layer_memorization --seeds 1 --set network=alexnet "$@"
for network in resnet18 densenet121; do  # without hidden linear layers, and built around batch norm
  step layer_memorization --seeds 1 --set "network=$network" --set hidden=0 --set batch_norm=true "$@"
done
step clean_labels --seeds 1 "$@"
step capacity_theory --seeds 1 "$@"

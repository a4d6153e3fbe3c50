#!/usr/bin/env bash
# Starts one training as several processes on this machine, which find each other through jax.distributed on
# the loopback interface: a way to try on a laptop what a cluster runs. Arguments after the number of
# processes are those of `rgnn train`; each process is one CPU device, unless JAX_PLATFORMS says otherwise.
#   bash scripts/train_multihost.sh 2 configs/lstm_chapter.toml --name two --training.max-seconds 60
#
# Where each process has a machine of its own this script is not needed; ckpt/ must be on a shared drive.
#   SLURM        srun --nodes=2 --ntasks-per-node=1 rgnn train configs/lstm_chapter.toml --distributed
#   TPU pod      gcloud compute tpus tpu-vm ssh NAME --worker=all --command="rgnn train CONFIG --distributed"
#   otherwise    on machine i of n, with one address of machine 0 that all can reach:
#                JAX_COORDINATOR_ADDRESS=HOST:PORT JAX_NUM_PROCESSES=n JAX_PROCESS_ID=i \
#                  rgnn train configs/lstm_chapter.toml --distributed
set -euo pipefail
if [ $# -lt 2 ] || ! [ "$1" -ge 1 ] 2>/dev/null; then
  echo "usage: train_multihost.sh PROCESSES CONFIG [arguments of rgnn train]" >&2
  exit 2
fi
count=$1
shift
free_port='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
port=${PORT:-$("${PYTHON:-python3}" -c "$free_port")}
export JAX_PLATFORMS=${JAX_PLATFORMS:-cpu} JAX_NUM_PROCESSES=$count JAX_COORDINATOR_ADDRESS=127.0.0.1:$port

processes=()
trap 'kill -TERM "${processes[@]}" 2>/dev/null' INT TERM
for ((index = 0; index < count; index++)); do
  JAX_PROCESS_ID=$index rgnn train "$@" --distributed &
  processes+=($!)
done
status=0
for process in "${processes[@]}"; do
  # A signal interrupts `wait`; the processes then save and end, and are waited for again.
  while code=0; wait "$process" || code=$?; kill -0 "$process" 2>/dev/null; do :; done
  [ "$code" -eq 0 ] || status=$code
done
exit "$status"

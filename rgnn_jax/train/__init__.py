"""Training: state, step, devices, loop, checkpoints, run directories."""

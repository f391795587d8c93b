"""The training loop: devices and processes, optimisers, curves, checkpoints, resume, seeds."""

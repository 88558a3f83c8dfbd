"""Training: batches, losses, the loop, checkpoints, and from a checkpoint to a weight file."""

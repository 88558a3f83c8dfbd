"""PyTorch twins of the runtime's networks, with the same tensor names."""

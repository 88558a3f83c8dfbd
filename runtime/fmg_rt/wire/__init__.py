"""What goes over the network: one module per format, each encodes and decodes; and the socket that carries it."""

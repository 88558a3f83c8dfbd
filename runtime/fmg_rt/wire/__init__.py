"""Network formats: one module per format, each encodes and decodes; and the datagram socket."""

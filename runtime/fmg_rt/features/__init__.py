"""Streaming log-mel features and the tables behind them."""

from .logmel import LogMel, log_mel

__all__ = ["LogMel", "log_mel"]

"""Synthetic speech: texts, speech engines, augmentation, shards."""

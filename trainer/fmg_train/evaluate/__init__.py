"""The scores, what they are measured on, how they are shown."""

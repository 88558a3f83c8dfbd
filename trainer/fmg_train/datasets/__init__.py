"""The common on-disk form of a data set, and what turns other forms into it."""

"""Facial Motion Generator, trainer: from voices and faces to one weight file."""

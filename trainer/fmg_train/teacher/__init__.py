"""The teacher: phones and prosody to 52 curves."""

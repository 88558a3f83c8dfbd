"""The teacher: phones and prosody to 52 curves."""

from fmg_train.teacher.face import face_of
from fmg_train.teacher.phonesets import PHONE_SETS, SILENCE, UnknownPhone, to_ipa

__all__ = ["PHONE_SETS", "SILENCE", "UnknownPhone", "face_of", "to_ipa"]

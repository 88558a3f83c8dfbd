"""From the phone names of an engine or a label set to IPA, the hub that every phone passes through.

An unknown phone is an error here, not silence: a corpus with a silent hole in its labels teaches a shut mouth.
"""

from collections.abc import Mapping

from fmg_train.teacher import phone_tables

SILENCE = "_"
"""The hub's name of silence, a pause or a breath."""


class UnknownPhone(ValueError):
    """A phone name or an IPA letter that the tables do not hold; the message names it."""


def _read(table: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for line in table.strip().splitlines():
        ipa, *aliases = line.split()
        for alias in aliases:
            if names.setdefault(alias, ipa) != ipa:
                raise ValueError(f"phone table: '{alias}' stands for both {names[alias]} and {ipa}")
    return names


_ARPABET = _read(phone_tables.ARPABET)
_JAPANESE = _read(phone_tables.JAPANESE)
PHONE_SETS: Mapping[str, Mapping[str, str]] = {
    "espeak": _read(phone_tables.ESPEAK),
    "arpabet": _ARPABET | {name.upper(): ipa for name, ipa in _ARPABET.items()},
    "mrpa": _read(phone_tables.MRPA),
    "jtalk": _JAPANESE,
    "romaji": _JAPANESE,
    "sampa": _read(phone_tables.SAMPA),
    "vtl": _read(phone_tables.VTL),
    "festival-ru": _read(phone_tables.FESTIVAL_RU),
}
"""Phone set → phone name → IPA."""
_BY_LANGUAGE = {language: _read(names.replace(";", "\n")) for language, names in phone_tables.ESPEAK_BY_LANGUAGE.items()}


def to_ipa(phone_set: str, name: str, language: str = "") -> str:
    """IPA of one phone; `SILENCE` for a pause.

    Parameters
    ----------
    phone_set : a key of `PHONE_SETS`: espeak, arpabet (flite, Festival's radio set, pocketsphinx; either case; a stress
        digit is dropped), mrpa, jtalk, romaji, sampa (EmoDB), vtl, festival-ru.
    name : the engine's own name of the phone.
    language : espeak-ng's voice, such as ``ru`` or ``en-us``: some of its names mean another sound in one language.

    Raises
    ------
    UnknownPhone
        The phone set does not hold `name`.
    """
    if phone_set not in PHONE_SETS:
        raise UnknownPhone(f"unknown phone set '{phone_set}' (there are {', '.join(sorted(PHONE_SETS))})")
    if phone_set == "espeak":
        special = _BY_LANGUAGE.get(language.split("-")[0].lower(), {})
        if name in special:
            return special[name]
    if phone_set == "arpabet":
        name = name.rstrip("0123456789")
    try:
        return PHONE_SETS[phone_set][name]
    except KeyError:
        raise UnknownPhone(f"phone '{name}' is not in the phone set '{phone_set}'") from None

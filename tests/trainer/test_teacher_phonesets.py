"""Every phone name that an engine can say has an IPA transcription, and every transcription has targets."""

import ctypes.util
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from fmg_train.teacher import PHONE_SETS, SILENCE, UnknownPhone, to_ipa
from fmg_train.teacher.phone_tables import ESPEAK_BY_LANGUAGE
from fmg_train.teacher.phonesets import _BY_LANGUAGE
from fmg_train.teacher.targets import TARGETS, VOWELS, letters

LANGUAGES = "en ja de fr es it pt nl ru cmn ko fi cs ro pl sv hu tr el id".split()
TEXTS = {
    "en": "The quick brown fox jumps over lazy dogs; thirty measures of joy, poor cheese, vision and young church bells.",
    "ja": "きゃくさん は びょういん へ いきました。 りょこう、 ぎゅうにゅう、 ふね、 つき、 ざっし、 ちゃ、 じしん。",
    "de": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Pfui, ich möchte auch Schach und Genie.",
    "fr": "Portez ce vieux whisky au juge blond qui fume. Un grand champignon, l'oignon, huit oiseaux, la peur, deux jeux.",
    "es": "El veloz murciélago hindú comía feliz cardillo y kiwi. La cigüeña tocaba el saxofón. Yo lluevo, guerra, chico.",
    "it": "Ma la volpe col suo balzo ha raggiunto il quieto fido. Gli gnocchi, pizza, zero, scienza, giallo, cena.",
    "pt": "Um pequeno jabuti xereta viu dez cegonhas felizes. Não, mãe, põe, carro, filho, ninho, muito, cidade.",
    "nl": "Pa's wijze lynx bezag vroom het fikse aquaduct. Leuke huizen, goud, schaap, vrijdag, uur, zeer.",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю. Жизнь, щука, рыба, цирк.",
    "cmn": "我是中国人。你吃饭了吗？ 女儿去学校。 四十四只石狮子。 儿子 日本 雪 元 穷 光",
    "ko": "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. 꽃, 떡, 빵, 쌀, 찌개.",
    "fi": "Törkylempijävongahdus. Yö, äiti, työ, hyvä, kuusi, leipä, nenä, kenkä.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy. Čtvrt, chléb, řeka, vlk, dzban.",
    "ro": "Muzicologă în bej vând whisky și tequila, preț fix. Ghem, cheie, oameni, deal, țară.",
    "pl": "Zażółć gęślą jaźń. Pchnąć w tę łódź jeża lub ośm skrzyń fig. Dżem, dzwon, trzy, ciemno, ręka.",
    "sv": "Flygande bäckasiner söka hwila på mjuka tuvor. Sju sjöar, kyrka, hus, ung, barn, fjärde.",
    "hu": "Árvíztűrő tükörfúrógép. Gyöngy, tyúk, zsír, csók, dzsem, szék, nyár, öt.",
    "tr": "Pijamalı hasta yağız şoföre çabucak güvendi. Ağaç, ışık, jale, üzüm, kâğıt.",
    "el": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Γεια, χέρι, άγγελος, θάλασσα, δρόμος, τζάκι, μπάλα, ντομάτα.",
    "id": "Muharjo seorang xenofobia universal yang takut pada warga jazirah. Nyanyi, khusus, syarat, engkau.",
}


def _names(language: str) -> set[str]:
    """The phoneme mnemonics that espeak-ng sends with its events for a text."""
    name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        pytest.skip("libespeak-ng is not installed")

    class Event(ctypes.Structure):
        _fields_ = [
            ("type", ctypes.c_int),
            ("unique", ctypes.c_uint),
            ("position", ctypes.c_int),
            ("length", ctypes.c_int),
            ("audio", ctypes.c_int),
            ("sample", ctypes.c_int),
            ("user", ctypes.c_void_p),
            ("name", ctypes.c_char * 8),
        ]

    found: set[str] = set()

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))
    def hear(_wave, _samples, events):
        index = 0
        while events[index].type:
            if events[index].type == 7:
                found.add(events[index].name.decode())
            index += 1
        return 0

    if library.espeak_Initialize(2, 100, None, 1) <= 0:
        pytest.skip("libespeak-ng does not start")
    library.espeak_SetSynthCallback(hear)
    if library.espeak_SetVoiceByName(language.encode()):
        pytest.skip(f"espeak-ng has no voice '{language}'")
    text = TEXTS[language].encode()
    library.espeak_Synth(text, len(text) + 1, 0, 1, 0, 1, None, None)
    library.espeak_Synchronize()
    # A name in brackets announces a change of language; it has no sound.
    return {name for name in found if not name.startswith("(")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_espeak_says_nothing_unknown(language):
    names = _names(language)
    assert len(names) > 15
    for name in names:
        letters(to_ipa("espeak", name.strip(), language) if name.strip() else SILENCE)


def _inventory() -> dict[str, set[str]]:
    """Phoneme table of espeak-ng → every sound that it can name (pauses and stress marks left out)."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    shown = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=True).stdout
    data = (Path(shown.split("Data at: ")[1].strip()) / "phontab").read_bytes()
    tables: list[tuple[str, set[str]]] = []
    place = 4
    for _ in range(data[0]):
        count, parent = data[place], data[place + 1]
        name = data[place + 4 : place + 36].split(b"\0")[0].decode()
        place += 36
        sounds = set(tables[parent - 1][1]) if parent else set()
        for _ in range(count):
            mnemonic, kind = struct.unpack_from("<4s4x3xB4x", data, place)
            place += 16
            if kind > 1:
                sounds.add(mnemonic.rstrip(b"\0").decode("latin1"))
        tables.append((name, sounds))
    assert place == len(data)
    return dict(tables)


def test_espeaks_whole_inventory_is_known():
    inventory = _inventory()
    for language in [*LANGUAGES, "en-us", "en-sc", "en-wi", "es-la", "pt-pt", "uk", "sk", "hr", "sr", "no", "ca", "hi"]:
        for name in inventory[language] - {"||"}:
            letters(to_ipa("espeak", name, {"no": "nb"}.get(language, language)))


def test_every_transcription_has_targets():
    for phone_set, names in PHONE_SETS.items():
        for name, ipa in names.items():
            assert letters(ipa), (phone_set, name)
    for names in _BY_LANGUAGE.values():
        assert all(letters(ipa) for ipa in names.values())
    assert set(_BY_LANGUAGE) == set(ESPEAK_BY_LANGUAGE)


@pytest.mark.parametrize(
    "phone_set, name, language, ipa",
    [
        ("espeak", "tS", "", "tʃ"),
        ("espeak", "aI", "en", "aɪ"),
        ("espeak", "y", "ru", "ɨ"),
        ("espeak", "y", "fr", "y"),
        ("espeak", "u", "ja", "ɯᵝ"),
        ("espeak", "r", "en-us", "ɹ"),
        ("espeak", "_:", "", "_"),
        ("arpabet", "AA1", "", "ɑ"),
        ("arpabet", "hh", "", "h"),
        ("arpabet", "SIL", "", "_"),
        ("arpabet", "h#", "", "_"),
        ("mrpa", "@@", "", "ɜː"),
        ("jtalk", "cl", "", "_"),
        ("jtalk", "I", "", "i̥"),
        ("romaji", "sh", "", "ɕ"),
        ("sampa", "OY", "", "ɔʏ"),
        ("vtl", "2:", "", "øː"),
        ("festival-ru", "sch", "", "ɕ"),
    ],
)
def test_known_names(phone_set, name, language, ipa):
    assert to_ipa(phone_set, name, language) == ipa


def test_an_unknown_phone_is_named():
    with pytest.raises(UnknownPhone, match="'QQ'.*'arpabet'"):
        to_ipa("arpabet", "QQ")
    with pytest.raises(UnknownPhone, match="phone set 'klingon'"):
        to_ipa("klingon", "a")
    with pytest.raises(UnknownPhone, match="'Ω'"):
        letters("Ω")


def test_letters_of_composite_sounds():
    assert letters("aɪ") == ("a", "ɪ")
    assert letters("t͡ʃʰ") == ("t", "ʃ")
    assert letters("iː") == ("i",)
    assert letters("ɔ̃") == ("ɔ",)
    assert letters("ç") == ("ç",)
    assert letters("kʷ") == ("k", "ʷ")
    assert letters(SILENCE) == (SILENCE,)


def test_the_table_says_what_phonetics_says():
    row = {
        letter: dict(zip(("jaw", "lower", "upper", "pucker", "funnel", "stretch"), t.values, strict=False))
        for letter, t in TARGETS.items()
    }
    for letter in "pbm":
        assert TARGETS[letter].contact == "lips"
    for letter in "fv":
        assert TARGETS[letter].contact == "teeth"
    for letter in "szʃʒ":
        assert row[letter]["jaw"] <= 0.1
        assert TARGETS[letter].strengths[0] >= 0.9
    for letter in "kɡnŋh":
        assert TARGETS[letter].strengths.max() <= 0.25
    assert row["a"]["jaw"] > row["ɛ"]["jaw"] > row["ɪ"]["jaw"] > row["u"]["jaw"]
    for letter in VOWELS:
        assert row[letter]["pucker"] == 0 or row[letter]["stretch"] == 0 or letter in "ɯɤɜɚɝ"
    assert all(row[letter]["pucker"] >= 0.4 for letter in "uyoøwʉʊ")

"""Japanese texts: naist-jdic's words in sentence templates, kana nonsense that covers every mora.

References: naist-jdic (BSD) as compiled by MeCab (`sys.dic`: ten header words, a character set name, the double array,
the tokens, the feature strings).
"""

import functools
import struct
import zlib
from pathlib import Path

import numpy as np

DICTIONARIES = (Path("/var/lib/mecab/dic/open-jtalk/naist-jdic/sys.dic"),)
_KINDS = {
    "noun": "名詞,一般,",
    "thing": "名詞,サ変接続,",
    "verb": "動詞,自立,",
    "adjective": "形容詞,自立,",
    "adverb": "副詞,",
    "name": "名詞,固有名詞,人名,姓,",
    "place": "名詞,固有名詞,地域,一般,",
}
_FALLBACK = {
    "noun": "本 水 町 窓 雨 花 魚 船 犬 猫 鉛筆 新聞 時計 電話 林檎 蜜柑 部屋 友達 空 海 山 川 星 風 雪 道 店 薬 傘 靴",
    "thing": "勉強 練習 説明 準備 電話 運転 料理 散歩 質問 返事 発表 放送 復習 配達 報告 募集",
    "verb": "読む 書く 話す 飲む 待つ 遊ぶ 泳ぐ 買う 見る 食べる 開ける 閉める 運ぶ 学ぶ 頼む 踏む 思う 笑う",
    "adjective": "高い 安い 白い 黒い 小さい 大きい 新しい 古い 面白い 楽しい 眠い 寒い 暑い 甘い 辛い",
    "adverb": "とても 少し もっと ゆっくり 時々 まだ もう やっぱり ちょっと ずっと きっと たぶん",
    "name": "田中 鈴木 山本 松本 渡辺 中村 小林 加藤 吉田 佐々木 本間 三浦 馬場 堀部",
    "place": "東京 大阪 京都 札幌 仙台 名古屋 神戸 広島 福岡 別府 米子 松山 水戸 奈良",
}
TEMPLATES = (
    "{place}の{noun}は{adjective}です。",
    "{name}さんは{noun}を{verb}そうです。",
    "{adverb}{noun}が{verb}のを見ました。",
    "{noun}と{noun}、どちらが{adjective}ですか？",
    "{adjective}{noun}を{number}個ください。",
    "{thing}していたら、{noun}に{verb}ことができた。",
    "{name}さん、{place}で{thing}してもいいですか？",
    "{number}時{minute}分に{place}で{thing}します。",
    "{verb}なら{adverb}{verb}べきだ。",
    "ええっと、{noun}は{adverb}{adjective}よね。",
    "もしもし、{name}ですけど、{noun}のことで。",
    "{noun}、{noun}、{noun}。",
    "{noun}ばかり{verb}から、{adjective}と思う。",
    "うん、{adverb}{verb}。",
    "すみません、{place}まで{number}枚お願いします。",
    "まあ、{adjective}{noun}ですね！",
    "{name}の{noun}も{noun}も{adjective}。",
    "へえ、{thing}って{adjective}んだ。",
)
MORAE = tuple(
    """あ い う え お か き く け こ が ぎ ぐ げ ご さ し す せ そ ざ じ ず ぜ ぞ た ち つ て と だ で ど な に ぬ ね の
    は ひ ふ へ ほ ば び ぶ べ ぼ ぱ ぴ ぷ ぺ ぽ ま み む め も や ゆ よ ら り る れ ろ わ ん きゃ きゅ きょ ぎゃ ぎゅ ぎょ
    しゃ しゅ しょ じゃ じゅ じょ ちゃ ちゅ ちょ にゃ にゅ にょ ひゃ ひゅ ひょ びゃ びゅ びょ ぴゃ ぴゅ ぴょ みゃ みゅ みょ
    りゃ りゅ りょ ふぁ ふぃ ふぇ ふぉ てぃ でぃ うぃ うぇ うぉ しぇ じぇ ちぇ つぁ""".split()
)
LABIAL = tuple(m for m in MORAE if m[0] in "ばびぶべぼぱぴぷぺぽまみむめも")

_GEMINATES = "かきくけこさしすせそたちつてとぱぴぷぺぽ"


def _hiragana(katakana: str) -> str:
    return "".join(chr(ord(c) - 96) if "ァ" <= c <= "ヶ" else c for c in katakana)


def is_validation(word: str) -> bool:
    """Whether a word belongs to the 2 % that only validation texts use."""
    return zlib.crc32(word.encode()) % 50 == 0


@functools.cache
def lexicon() -> dict[str, list[tuple[str, str]]]:
    """Kind → (surface, hiragana reading) of base forms, sorted."""
    path = next((p for p in DICTIONARIES if p.is_file()), None)
    if path is None:
        return {kind: [(word, "") for word in words.split()] for kind, words in _FALLBACK.items()}
    data = path.read_bytes()
    sizes = struct.unpack("<10I", data[:40])
    start = 72 + sizes[6] + sizes[7]
    prefixes = {kind: prefix.encode() for kind, prefix in _KINDS.items()}
    found: dict[str, set[tuple[str, str]]] = {kind: set() for kind in _KINDS}
    for feature in data[start : start + sizes[8]].split(b"\0"):
        kind = next((k for k, prefix in prefixes.items() if feature.startswith(prefix)), None)
        if kind is None:
            continue
        fields = feature.decode().split(",")
        if kind in ("verb", "adjective") and fields[5] != "基本形":
            continue
        if 1 <= len(fields[6]) <= 5 and 2 <= len(fields[8]) <= 7:
            found[kind].add((fields[6], _hiragana(fields[8].replace("’", ""))))
    return {kind: sorted(words) for kind, words in found.items()}


def nonsense(rng: np.random.Generator, labial: float = 0.3) -> str:
    """Kana of 2 to 7 morae with geminates, long vowels and ん."""
    text = ""
    for i in range(rng.integers(2, 8)):
        pool = LABIAL if rng.random() < labial else MORAE
        mora = pool[rng.integers(len(pool))]
        if i and rng.random() < 0.08 and mora[0] in _GEMINATES and not text.endswith(("ん", "ー")):
            text += "っ"
        if not i and mora == "ん":
            mora = "ま"
        text += mora
        if rng.random() < 0.08 and mora != "ん":
            text += "ー"
    return text


class Japanese:
    """Texts in `part` train or val; `kana` writes readings instead of kanji for engines that cannot read them."""

    def __init__(self, part: str, kana: bool = False) -> None:
        self.kana = kana
        self._words = {
            kind: [w for w in words if is_validation(w[0]) == (part == "val")] or words for kind, words in lexicon().items()
        }

    def _word(self, kind: str, rng: np.random.Generator) -> str:
        words = self._words[kind]
        surface, reading = words[rng.integers(len(words))]
        return reading if self.kana and reading else surface

    def sentence(self, rng: np.random.Generator) -> str:
        if rng.random() < 0.3:
            return "、".join(nonsense(rng) for _ in range(rng.integers(1, 5))) + "。"
        template = TEMPLATES[rng.integers(len(TEMPLATES))]
        parts = []
        for piece in template.split("{"):
            kind, brace, rest = piece.partition("}")
            if not brace:
                parts.append(piece)
            elif kind in ("number", "minute"):
                parts.append(
                    (
                        "いち に さん よん ご ろく なな はち きゅう じゅう".split()[rng.integers(10)]
                        if self.kana
                        else str(rng.integers(1, 60))
                    )
                    + rest
                )
            else:
                parts.append(self._word(kind, rng) + rest)
        text = "".join(parts)
        return _readable(text) if self.kana else text


_KANJI = {"個": "こ", "見": "み", "時": "じ", "分": "ふん", "思": "おも", "枚": "まい", "願": "ねが"}


def _readable(text: str) -> str:
    """The templates' own kanji as kana; particles は and へ as they sound is left to the engine."""
    return "".join(_KANJI.get(c, c) for c in text)

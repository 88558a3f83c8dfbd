"""Texts in other languages: everyday words and nonsense words spelled by the language's own rules.

A table line: onsets | vowels | codas | words. Own short lists; a Spanish dictionary is used where one is installed.
"""

import functools
from pathlib import Path

import numpy as np

from .japanese import is_validation

SPANISH = Path("/usr/share/dict/spanish")

TABLES = {
    "de": """b p m f w v t d n s z sch k g l r h j pf st sp bl br fr schl schw tr kr | a e i o u ä ö ü ei au eu ie oo | n
    m t s l r p f ch ng mp nd ck sch pf | Buch Mama Papa Pumpe Apfel Wasser schön fünf Bäume müde Öffnung über
    Straße Haus Mann Frau Kind Baum Abend immer bitte danke Morgen kommen bleiben geben Lampe Pferd Kopf Zeit
    zwei drei vier sieben Zucker Woche ich mich auch noch Milch Küche Wohnung Problem Bruder Himmel Tür Vögel
    Brot Uhr""",
    "fr": """b p m f v t d n s ch j k g l r bl pr fr tr gr vr | a e é è i o u ou eu on an in au oi ai | r l s t che me ne
    pe be ge | bonjour maman papa peuple beaucoup pomme bombe vouloir feu bleu deux rue lune tout pour mouvement
    famille parapluie jambe chambre champ long bon vin pain femme homme jour nuit voiture maison petit grand
    rouge jaune neige plage poisson bouche oui huit juin peu heure oiseau moi problème""",
    "es": """b p m f v t d n s ch j c g l r ll bl br pl pr tr fr | a e i o u ie ue ia | n s r l d m | mamá papá bueno
    hombre mujer agua problema pueblo amigo libro mesa puerta fuego lluvia mucho jueves viernes huevo calle
    perro caballo niño año feliz blanco bomba campo siempre palabra""",
    "it": """b p m f v t d n s c g l r gl gn sc z bl pr tr gr | a e i o u ia uo ie | n l r mb mp bb pp tt ss | mamma papà
    buono bambino acqua problema pioggia fuoco uomo donna pomodoro bambola sempre campo figlio bagno scuola
    pesce ciao giorno notte libro pizza zio gatto cane bello vuoto uovo piove""",
    "pt": """b p m f v t d n s ch j c g l r lh nh br pr tr | a e i o u ão ei ou ai em õe | s r l m n z | mamãe papai bom
    homem mulher água problema amigo livro mesa porta fogo chuva muito pão mão coração bomba campo sempre
    palavra menino senhor filho banho peixe lua uva rua beber pouco""",
    "nl": """b p m f v w t d n s sch k g l r h j bl br vr sp st tr | a aa e ee i ie o oo u uu oe eu ui ij ou | n m t s l
    r p k f ng mp cht | mama papa boek boom huis water vrouw man kind moeder broer appel lamp probleem morgen
    avond altijd blijven geven komen muur vuur deur neus voet hoofd bril buiten ui ijs vijf zeven schoen school
    groot goed lucht licht""",
    "ru": """б п м ф в т д н с з ш ж ч к г л р х бр пр тр ст гр | а о у ы э и е ё ю я | н м т с л р п й ш | мама папа
    вода книга бумага большой проблема люблю мир рыба дом улица утро вечер пять семь восемь борщ чай хлеб молоко
    время имя буква яблоко ёлка юбка мышь жизнь шум вопрос обед мост зима лампа""",
    "uk": """б п м ф в т д н с з ш ж ч к г л р х бр пр тр ст | а о у и і е є ю я | н м т с л р п й | мама тато вода книга
    папір великий проблема люблю мир риба дім вулиця ранок вечір п'ять сім вісім борщ чай хліб молоко час буква
    яблуко мова життя""",
    "fi": """p m v t n s k l r h j | a e i o u y ä ö aa ee ii oo uu yy ää öö ie uo yö ai ei au ou | n s t l r mp pp mm kk
    tt ll | äiti isä vesi kirja poika puhua suomi lumi kuu maa yö työ hyvä päivää kiitos leipä omena mummo pappa
    lamppu metsä vuori kylmä lämmin pieni suuri sininen punainen perjantai lauantai syödä juoda""",
    "et": """p m v t n s k l r h j b d g | a e i o u õ ä ö ü aa ee ii oo uu õõ öö üü ai ei au | n s t l r mb pp mm | ema
    isa vesi raamat poiss õhtu hommik öö päev lumi kuu maa töö hea tüdruk õun lamp mets mägi külm soe sinine
    punane üks kaks viis leib piim puu""",
    "cs": """b p m f v t d n s z š ž č k h l r ř ch j br pr tr st | a e i o u y á é í ó ú ů ě ou | n m t s l r p k š |
    máma táta voda kniha papír velký problém miluji mír ryba dům ulice ráno večer pět sedm osm řeka čaj chléb
    mléko čas jméno písmeno jablko město život most bouře dobrý den""",
    "sk": """b p m f v t d n s z š ž č k h l r ch j br pr tr st | a e i o u y á é í ó ú ä ô ia ie | n m t s l r p k š |
    mama otec voda kniha papier veľký problém milujem mier ryba dom ulica ráno večer päť sedem osem rieka čaj
    chlieb mlieko čas meno jablko mesto život most búrka dobrý deň kôň""",
    "ro": """b p m f v t d n s ș ț z c g l r h j br pr tr st | a e i o u ă â oa ea ie | n m t s l r p c | mamă tată apă
    carte hârtie bun om femeie problemă pâine lapte fată băiat ploaie foc munte mâine seară cinci șapte opt bună
    ziua mulțumesc copil câmp lume iubesc pom umbră""",
    "hr": """b p m f v t d n s z š ž č ć k g h l r lj nj j br pr tr st | a e i o u ije | n m t s l r p k š | mama tata
    voda knjiga papir velik problem volim mir riba dom ulica jutro večer pet sedam osam rijeka čaj kruh mlijeko
    vrijeme ime slovo jabuka grad život most dobar dan ljubav konj""",
    "no": """b p m f v t d n s sk k g l r h j bl br fr sp st | a e i o u y æ ø å ei au øy | n m t s l r p k ng mp | mamma
    pappa vann bok papir stor problem mann kvinne barn hus gate morgen kveld fem sju åtte brød melk tid navn
    eple by liv bro sjø øye hjem skjorte lampe god dag""",
    "ca": """b p m f v t d n s x j c g l r ll ny br pr tr | a e i o u ei ou ai | n s r l m t p | mare pare aigua llibre
    paper gran problema amic casa carrer matí vespre cinc set vuit pa llet temps nom poma poble vida pont bomba
    camp sempre pluja foc home dona""",
    "eo": """b p m f v t d n s z ŝ ĵ ĉ ĝ k g l r h j br pr tr | a e i o u aj oj aŭ eŭ | n m s l r | patrino patro akvo
    libro papero granda problemo amiko domo strato mateno vespero kvin sep ok pano lakto tempo nomo pomo urbo
    vivo ponto bombo kampo ĉiam pluvo fajro homo virino""",
    "eu": """b p m f t d n s z x tx tz k g l r j | a e i o u ai au ei | n s r l k | ama aita ura liburua papera handia
    arazoa laguna etxea kalea goiza gaua bost zazpi zortzi ogia esnea izena sagarra herria bizitza zubia bonba
    beti euria sua gizona mendi""",
    "ka": """ბ პ მ ფ ვ თ დ ნ ს ზ შ ჟ ჩ ჭ კ გ ლ რ ხ ჯ | ა ე ი ო უ | ნ მ ს ლ რ ბ | დედა მამა წყალი წიგნი დიდი პრობლემა
    მეგობარი სახლი ქუჩა დილა საღამო ხუთი შვიდი რვა პური რძე დრო სახელი ვაშლი ქალაქი ხიდი ცეცხლი კაცი""",
    "pl": """b p m f w t d n s z sz ż cz ć ś k g l ł r h j br pr tr st | a e i o u y ą ę ó | n m t s l r p k | mama tata
    woda książka papier duży problem kocham pokój ryba dom ulica rano wieczór pięć siedem osiem rzeka herbata
    chleb mleko czas imię litera jabłko miasto życie most burza dzień dobry być może wąż""",
    "sv": """b p m f v t d n s sk k g l r h j bl br fr sp st sj | a e i o u y ä ö å | n m t s l r p k ng mp | mamma pappa
    vatten bok papper stor problem man kvinna barn hus gata morgon kväll fem sju åtta bröd mjölk tid namn äpple
    stad liv bro sjö öga hem skjorta lampa god dag""",
    "hu": """b p m f v t d n sz z s zs cs k g l r h j gy ny ty | a á e é i í o ó ö ő u ú ü ű | n m t s l r p k | anya apa
    víz könyv papír nagy probléma szeretem béke hal ház utca reggel este öt hét nyolc folyó tea kenyér tej idő
    név betű alma város élet híd vihar jó napot mama baba""",
    "tr": """b p m f v t d n s z ş j ç c k g l r h y | a e ı i o ö u ü | n m t s l r p k ş | anne baba su kitap kağıt
    büyük problem seviyorum barış balık ev sokak sabah akşam beş yedi sekiz nehir çay ekmek süt zaman isim elma
    şehir hayat köprü fırtına iyi günler pembe mum""",
    "el": """μπ π μ φ β τ ντ ν σ ζ κ γ λ ρ χ θ δ πρ τρ στ | α ε ι ο ου ει αι | ν ς μ ρ | μαμά μπαμπάς νερό βιβλίο χαρτί
    μεγάλο πρόβλημα φίλος σπίτι δρόμος πρωί βράδυ πέντε επτά οκτώ ποτάμι τσάι ψωμί γάλα χρόνος όνομα μήλο πόλη
    ζωή γέφυρα φωτιά καλημέρα ευχαριστώ""",
    "id": """b p m f t d n s z sy c j k g l r h y w ny | a e i o u ai au | n m ng t s k p r | ibu bapak air buku kertas
    besar masalah teman rumah jalan pagi malam lima tujuh delapan sungai teh roti susu waktu nama apel kota
    hidup jembatan badai selamat siang bumi pembeli lampu mimpi""",
}
"""Language → spelling."""
HELD_OUT = ("pl", "sv", "hu", "tr", "el", "id")
TRAINING = tuple(language for language in TABLES if language not in HELD_OUT) + ("zh", "ko")
_INITIALS = "b p m f d t n l g k h j q x zh ch sh r z c s y w".split()
_FINALS = {
    "labial": "a o ai ei ao ou an en ang eng i u".split(),
    "front": "i ia ie iao iu ian in iang ing u ue uan".split(),
    "other": "a e ai ei ao ou an en ang eng u uo".split(),
    "y": "a an ao e i in ing ou u ue uan".split(),
    "w": "a ai an ang ei en o u".split(),
}


def _pinyin(rng: np.random.Generator) -> str:
    initial = _INITIALS[rng.integers(len(_INITIALS))]
    kind = "labial" if initial in "bpmf" else "front" if initial in "jqx" else initial if initial in "yw" else "other"
    finals = _FINALS[kind]
    return f"{initial}{finals[rng.integers(len(finals))]}{rng.integers(1, 5)}"


def _hangul(rng: np.random.Generator) -> str:
    lead, vowel = rng.integers(19), rng.integers(21)
    tail = rng.choice((0, 0, 0, 1, 4, 8, 16, 17, 21))
    return chr(0xAC00 + (int(lead) * 21 + int(vowel)) * 28 + int(tail))


@functools.cache
def _table(language: str) -> tuple[list[str], list[str], list[str], list[str]]:
    onsets, vowels, codas, words = (part.split() for part in TABLES[language].split("|"))
    if language == "es" and SPANISH.is_file():
        words = [w for w in SPANISH.read_text(encoding="utf-8").split() if 2 <= len(w) <= 12]
    return onsets, vowels, codas, words


class Language:
    """Texts of one language in `part` train or val."""

    def __init__(self, language: str, part: str) -> None:
        self._language = language
        if language in TABLES:
            self._onsets, self._vowels, self._codas, words = _table(language)
            self._words = [w for w in words if is_validation(w) == (part == "val")] or words

    def _word(self, rng: np.random.Generator) -> str:
        if self._language == "zh":
            return "".join(_pinyin(rng) for _ in range(rng.integers(1, 4)))
        if self._language == "ko":
            return "".join(_hangul(rng) for _ in range(rng.integers(1, 5)))
        if rng.random() < 0.6:
            return self._words[rng.integers(len(self._words))]
        syllables = []
        for i in range(rng.integers(1, 4)):
            onset = self._onsets[rng.integers(len(self._onsets))] if i or rng.random() < 0.85 else ""
            syllables.append(onset + self._vowels[rng.integers(len(self._vowels))])
        return "".join(syllables) + (self._codas[rng.integers(len(self._codas))] if rng.random() < 0.5 else "")

    def sentence(self, rng: np.random.Generator) -> str:
        words = [self._word(rng) for _ in range(rng.integers(1, 9))]
        if len(words) > 3 and rng.random() < 0.3:
            words[len(words) // 2] += ","
        if rng.random() < 0.1:
            words.insert(0, str(rng.integers(1, 200)))
        return " ".join(words) + ".!?"[rng.choice(3, p=(0.7, 0.12, 0.18))]

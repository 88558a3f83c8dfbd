"""Phone names of each speech engine and label set, sorted by the IPA that they stand for.

One line is one IPA transcription and every name that means it. Two names that differ only in length, stress or tone may
share a line: the lips do not tell them apart. ``_`` is silence.

References: espeak-ng 1.51 (inventories listed from its own phoneme tables, transcriptions as it prints them with
``--ipa``, corrected where it prints none), the CMU Pronouncing Dictionary's ARPAbet, the phone sets of Festival 2.5
(radio, mrpa, msu_ru), Open JTalk 1.11, SAMPA (Wells 1997), the narrow labels of EmoDB (Burkhardt et al. 2005),
Hepburn romaji, the gestures of VocalTractLab 2.4's speaker JD3 (X-SAMPA).
"""

ESPEAK = """
_   _ _: _! _:: _;_ _X1 _^_ _| - : ; || ~ # _j ' , % = == > <h> i# n2 p2 r2 z2
a   a a# a/ a- a. a2 a#2 &# ?& ?&# A# aa #a
aː  a: A:~
ä   a`
ɐ   &/ 3- aI#
ɐ̃   &~
ã   a~
ɐ̃ʊ̃  &U~
æ   & @&
æː  &:
æi  &i
æy  &y
ɑ   A A1 ?A
ɑː  A: A@
ɑ̃   A~
ɑɪ  AI
ɑʊ  AU
ɑu  Au
ɒ   0 0# 02 O2 ?O
ʌ   V ?V
ʌ̃   V~ V~`
ʌɹ  VR
ʌɪ  VI
ʌʊ  VU
ə   @ @# @- @/ @2 @3 3 #@
əː  @:
əːɪ @:I
əːʊ @:U
əɪ  @I @i
əʊ  @U
əl  @L
əɹ  IR @r
ɜː  3:
ɵ   8
ɵː  8: :0
ɨ   i. i"
ɹ̩   i[
e   e e- e/ e# e2 e+ E3 ?e ee #e
eː  e:
ẽ   e~ e~`
e̯u  e[u
ɛ   E E# E% E- E1 E2 ?E
ɛː  E: aE
ɛ̃   E~
ɛɪ  EI
ɛʊ  EU Eu
ɛi  ei~
eɪ  eI eI:
eə  e@
eʊ  eU
ea  ea
eɑ  eA
ei  ei
eo  eo
eu  eu
ey  ey
i   i i/ i1 i2 ?i #i
iː  i: i:1
ĩ   i~ i~`
iə  i@ i@3
iɑ  iA
iɑu iAu
iɛ  iE
iɪ  iI
iɐ  iR
iʊ  iU
ia  ia
ie  ie
io  io
iou iou
iu  iu
iy  iy
iau iau
ɪ   I I# I1 I2 I2#
ɪː  I:
ɪ̃   I~
ɪu  Iu
o   o o# o/ o+ ?o #o
oː  o:
õ   o~ o~` o~:
ɤ   o- o-:
oɪ  oI
õɪ̃  oI~
oʊ  oU oU# ou oU:
oi  oi
oa  oA
oæ  o&
ɔ   O O# O+ O- O1 ?0
ɔː  O: O@ o@
ɔ̃   O~
ɔɪ  OI
ɔʏ  OY
ɔa  Oa
ɔi  Oi
ɔu  Ou
ø   Y
øː  Y:
øə  Y@
øi  Yi
øy  Yy Yy:
œ   W W2 W# ?W ?W#
œː  W: OU
œ̃   W~
œy  Wy
u   u u1 u2 u. u" u# ?u #u
uː  u:
ũ   u~ u~`
uə  u@ uE
uɑ  uA
uɪ  uI
ua  ua
uai uai
uei uei
ui  ui
uo  uo uo`
uɨ  uY
ʊ   U U1 @5 U#
ʊː  U:
ʊ̃   U~
ʊə  U@
ʊɐ  UR
ʉ   u-I
ʉː  u":
ɯ   u-
ɯː  u-:
y   y y- ?y
yː  y:
yæ  y&
yə  y@
yɛ  yE
yɪ  yI
yʊ  yU
yø  yY
yi  yi
yu  yu
aɪ  aI aI2 ai aI:
aɪ̃  aI~
aɪə aI3 aI@
aʊ  aU au aU# aU:
aʊ̃  aU~
aʊə aU@
aːɪ a:I a:i
aːʊ a:U a:u
ja  ja ja# V# I3
ju  ju
onɡ ong
aŋ  ang
p   p p- p# p; ph p_h p`
pf  pF
b   b b# b;
t   t t- t# t2 t3 t; t[ th t_h t` tt
ʈ   t. t.#
d   d d- d# d; d[ dH d_ d2
ɖ   d. d.#
c   c c# k^
ɟ   J J#
k   k k- k# k; k~ kh k_h k`
ɡ   g g# g; g~
q   q q-
ɢ   G
ʔ   ?
ts  ts t_s ts# ts2 tsh tz TS
dz  dz
tɕ  tS; ts; t_s\\ tS;- tS;h tS;_h
dʑ  dZ; dz; d_z\\
ʈʂ  ts. ts.h
ɖʐ  dz.
tʃ  tS tS# tS~ tS`
dʒ  dZ dZ~ dZ#
m   m m# m;
m̩   m-
n   n n; n[ n_
n̩   n-
ɲ   n^ n# n^#
ɳ   n. n.#
ŋ   N N#
ŋ̩   N-
ɴ   N\\
r   r r/ R R2 R3 r. *;
r̩   r- r:
ɾ   * ** r* #r
ɽ   r`
r̝   R^ R^/
ʀ   r" R4
ʁ   Q" r/2 rR #cFR
l   l l/ l/2 l/3 l/4 l; l2 ll #l
l̩   l- l:
ɫ   L L/
ɭ   l.
ɬ   l#
ʎ   l^
j   j j/ I^
ɥ   j.
w   w w/ w2
ʍ   w#
ʋ   v#
ɸ   p\\
β   B
f   f f;
v   v v; v`
θ   T
ð   D
s   s s- s[ s2 ss z# z/2 z3 z/
z   z z`
ʃ   S S~ s# sx
ʒ   Z
ɕ   S; s\\ s;
ʑ   Z; z;
ʂ   s.
ʐ   z. Z`
ç   C
ʝ   J^
x   x x# x2
ɣ   Q Q^ Q2 Q~ gH
χ   X #X1 #X2
h   h h# hs
ħ   H
"""

ESPEAK_BY_LANGUAGE = {
    **dict.fromkeys(("ru", "uk", "be", "pl", "ro", "cs", "sk", "bg", "hr", "sr", "cy"), "ɨ y"),
    "pt": "ɨ i/; ʁ x; ɐ &; ɹ r-",
    "ja": "ɯᵝ u",
    "fr": "ʁ r r/",
    "de": "ç g#",
    "da": "ʁ R; ɐ r; ɔ 0; ɒ O",
    "sv": "ʉ u-; ə E-; ɛ E3; ɧ sx",
    "nb": "ʉ u-; ʉː u-:",
    "tr": "ɯ @",
    "en": "ɹ r r/ R r-",
    "ar": "ʕ A",
    "th": "ɯ W; ɯi Wi",
    "hi": "tʰ t#; dʱ d#",
    "vi": "ɛ E",
}
"""Names that mean something visibly different in one language: ``IPA names; IPA names``."""

ARPABET = """
_   sil pau h# brth ssil # sp spn nsn epi q +spn+ +nsn+ <sil> <s> </s>
ɑ   aa
æ   ae
ʌ   ah
ɔ   ao
aʊ  aw
ə   ax ax-h
ɚ   axr
aɪ  ay
b   b bcl
tʃ  ch
d   d dcl
ð   dh
ɾ   dx
ɛ   eh
əl  el
əm  em
ən  en
əŋ  eng
ɝ   er
eɪ  ey
f   f
ɡ   g gcl
h   hh hv
ɪ   ih
ɨ   ix
i   iy
dʒ  jh
k   k kcl
l   l
m   m
n   n nx
ŋ   ng
oʊ  ow
ɔɪ  oy
p   p pcl
ɹ   r
s   s
ʃ   sh
t   t tcl
θ   th
ʊ   uh
u   uw
ʉ   ux
v   v
w   w
j   y
z   z
ʒ   zh
"""

MRPA = """
_   # sil pau
ʌ   uh
ɛ   e
æ   a
ɒ   o
ɪ   i
ʊ   u
iː  ii
uː  uu
ɔː  oo
ɑː  aa
ɜː  @@
aɪ  ai
eɪ  ei
ɔɪ  oi
aʊ  au
əʊ  ou
eə  e@
ɪə  i@
ʊə  u@
ə   @
p   p
t   t
k   k
b   b
d   d
ɡ   g
s   s
z   z
ʃ   sh
ʒ   zh
f   f
v   v
θ   th
ð   dh
tʃ  ch
dʒ  jh
h   h
m   m
n   n
ŋ   ng
l   l
j   y
ɹ   r
w   w
"""

JAPANESE = """
_   sil pau sp cl q xx
a   a
i   i
ɯᵝ  u
e   e
o   o
i̥   I
ɯ̥ᵝ  U
ḁ   A
e̥   E
o̥   O
aː  aa a:
iː  ii i:
ɯᵝː uu u:
eː  ee e:
oː  oo o:
ɴ   N
k   k
kʲ  ky
kw  kw
ɡ   g
ɡʲ  gy
ɡw  gw
s   s
ɕ   sh sy
z   z
dʑ  j zy
t   t
tʲ  ty
tɕ  ch cy
ts  ts
d   d
dʲ  dy
n   n
ɲ   ny
h   h
ç   hy
ɸ   f
ɸʲ  fy
b   b
bʲ  by
p   p
pʲ  py
m   m
mʲ  my
j   y
ɾ   r
ɾʲ  ry
w   w
v   v
vʲ  vy
"""

SAMPA = """
_   sil . _ p: #
a   a
aː  a:
ɑ   A
ɑː  A:
æ   {
ɐ   6 a6
ɐ̯   @6
ɛ   E
ɛː  E:
e   e
eː  e:
eə  e@
ɛɐ  E6
ə   @
əɛ  @E
əɔ  @O
i   i
iː  i:
iɐ  i6
ia  ia
iə  i@
ɪ   I I+nas
ɪɐ  I6
ɪə  I@
o   o
oː  o:
ɔ   O
ɔː  O:
ø   2
øː  2:
œ   9
u   u
uː  u:
ʊ   U
ʊɐ  U6
y   y
yː  y:
ʏ   Y
ʏɐ  Y6
ɜ   3
ʉ   }
ʌ   V~
ɒ   Q
aɪ  aI
aʊ  aU AU
aɔ  aO AO
ao  ao
ɔʏ  OY
oʊ  OU
hoe hoe
ɾ   4
ʔ   ?
p   p
b   b b+na
t   t
d   d d+nas
k   k
ɡ   g
pf  pf
ts  ts
tʃ  tS
dʒ  dZ
f   f
v   v
θ   T
ð   D
s   s
z   z
ʃ   S
ʒ   Z
ç   C
x   x
χ   X
h   h H
β   B
ɣ   G
ʁ   R
r   r
l   l
ʎ   L
j   j
w   w
ʋ   V
m   m
n   n NN
ŋ   N [+eng
ɲ   J
ɱ   F
"""

VTL = """
_   _ sil
aː  a:
a   a
eː  e:
ɛ   E
ɛː  E:
iː  i:
ɪ   I
oː  o:
ɔ   O
uː  u:
ʊ   U
øː  2:
œ   9
yː  y:
ʏ   Y
ə   @
ɐ   6
i   i
e   e
o   o
u   u
y   y
ø   2
aɪ  aI
aʊ  aU
ɔʏ  OY
p   p
b   b
t   t
d   d
k   k
ɡ   g
ʔ   ?
f   f
v   v
θ   T
ð   D
s   s
z   z
ʃ   S
ʒ   Z
ç   C
x   x
h   h
ʁ   R
r   r
l   l
j   j
w   w
m   m
n   n
ŋ   N
pf  pf
ts  ts
tʃ  tS
dʒ  dZ
"""

FESTIVAL_RU = """
_   pau
i   ii i
ɨ   yy y
u   uu u
ʊ   ur
e   ee
o   oo
a   aa
ɐ   a
ɪ   e
ə   ae ay
p   p
pʲ  pp
b   b
bʲ  bb
t   t
tʲ  tt
d   d
dʲ  dd
k   k
kʲ  kk
ɡ   g
ɡʲ  gg
ts  c
tɕ  ch
f   f
fʲ  ff
v   v
vʲ  vv
s   s
sʲ  ss
z   z
zʲ  zz
ʂ   sh
ɕ   sch
ʐ   zh
x   h
xʲ  hh
m   m
mʲ  mm
n   n
nʲ  nn
ɫ   l
lʲ  ll
r   r
rʲ  rr
j   j
"""

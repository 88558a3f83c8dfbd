"""Valid inputs, damaged: bytes by what files suffer, JSON by what nobody expects at a place."""

import copy
import io
import json
import random
import zipfile

import numpy as np

HOSTILE = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**400,
    -(10**5000),
    0.5,
    1e300,
    -1e308,
    float("nan"),
    float("inf"),
    "",
    "x" * 5000,
    "\ud800",
    "a\nb",
    "\0",
    [],
    {},
    [[]],
    {"a": {}},
    ["mouth", 1],
    "jawOpen",
    list(range(1000)),
]
NUMBERS = [b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0", b"\xfc\xff\xff\xff", b"\0\0\x7f\x7f"]


def damage(random: random.Random, data: bytes) -> bytes:
    """One to eight of: a bit, a number, a part cut out, doubled, zeroed or moved, the end cut off."""
    out = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if not out:
            break
        # Headers are where the interesting numbers are.
        at = random.randrange(min(len(out), random.choice((64, 512, len(out)))))
        n = random.choice((1, 2, 4, 16, 200))
        kind = random.randrange(7)
        if kind == 0:
            out[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            out[at : at + 4] = random.choice(NUMBERS)
        elif kind == 2:
            del out[at : at + n]
        elif kind == 3:
            out[at:at] = out[at : at + n] * random.randint(1, 4)
        elif kind == 4:
            out[at : at + n] = bytes(min(n, len(out) - at))
        elif kind == 5:
            out[at:at] = random.randbytes(n)
        else:
            del out[random.randrange(len(out)) :]
    return bytes(out)


def places(value, path=()):
    """Every path into nested lists and mappings."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def twist(random: random.Random, value):
    """A copy of a JSON value, with something hostile in one to three places, or a place gone, or a name changed."""
    value = copy.deepcopy(value)
    for _ in range(random.randint(1, 3)):
        path = random.choice(list(places(value)))
        if not path:
            if random.random() < 0.1:
                return copy.deepcopy(random.choice(HOSTILE))
            continue
        inner = value
        for key in path[:-1]:
            inner = inner[key]
        kind = random.randrange(4)
        if kind == 0 and isinstance(inner, dict):
            inner[random.choice(("", "x", "\ud800", "jawOpen ", "a" * 999))] = inner.pop(path[-1])
        elif kind == 1:
            del inner[path[-1]]
        else:
            inner[path[-1]] = copy.deepcopy(random.choice(HOSTILE))
    return value


def to_json(value) -> bytes:
    """JSON text that also holds what JSON cannot: nan, infinity, half a letter, numbers of thousands of digits."""
    import sys

    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass")
    finally:
        sys.set_int_max_str_digits(limit)


def archive(members: dict[str, bytes], compressed: bool) -> bytes:
    """A zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as out:
        for name, data in members.items():
            out.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)
    return file.getvalue()


def members(data: bytes) -> dict[str, bytes]:
    """What lies in a zip file."""
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {name: found.read(name) for name in found.namelist()}


def npy(array) -> bytes:
    """An array as a ``.npy`` file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
    return file.getvalue()


def twist_archive(random: random.Random, data: bytes) -> bytes:
    """A weight file whose text, headers, numbers or members are wrong, with checksums that fit."""
    parts = members(data)
    meta = json.loads(str(np.load(io.BytesIO(parts["meta.npy"])).item()))
    for _ in range(random.randint(1, 2)):
        kind, name = random.randrange(7), random.choice(list(parts))
        if kind <= 1:
            parts["meta.npy"] = npy(to_json(twist(random, meta)).decode("utf-8", "replace"))
        elif kind == 2:
            strange = [
                np.zeros(3, np.float64),
                np.float32(np.nan),
                b"bytes",
                "text",
                np.inf,
                10**18,
                np.array([object()]),
                np.zeros((2, 0), np.float32),
                np.array(1 + 2j),
                np.array("2020-01-01", "datetime64[s]"),
            ]
            parts[name] = npy(random.choice(strange))
        elif kind == 3:
            header = parts[name][:128].replace(b"(", random.choice((b"(-", b"(99999", b"((", b"(9999999999,")), 1)
            parts[name] = header + parts[name][128:]
        elif kind == 4:
            parts[name] = damage(random, parts[name])
        elif kind == 5:
            parts[random.choice(("x.npy", "../x", "", "net.\ud7ff.npy"))] = parts.pop(name)
        else:
            parts[name] = parts[name] + bytes(random.choice((1, 10**6)))
    return archive(parts, random.random() < 0.5)

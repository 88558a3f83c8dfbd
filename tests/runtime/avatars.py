"""Small avatars for tests, made from nothing: glTF binaries with shapes, bones, VRM 0 and 1, meshopt compression."""

import json
import struct

import numpy as np

QUAD = np.array([[0, 0, 0], [0.9, 0, 0], [0.9, 0.9, 0], [0, 0.9, 0]], "<f4")


def tiles(n, columns, lift=0.6):
    """A board of `n` tiles of which each has a shape that lifts it: positions (4n, 3), triangles (6n,), shapes (n, 4n, 3)."""
    places = [np.array([i % columns, i // columns, 0], "<f4") for i in range(n)]
    base = np.concatenate([QUAD + place for place in places]) / columns
    faces = np.concatenate([np.array([0, 1, 2, 0, 2, 3], "<u2") + 4 * i for i in range(n)])
    shapes = np.zeros((n, *base.shape), "<f4")
    for i in range(n):
        shapes[i, 4 * i : 4 * i + 4, 1] = lift * columns / 14
    return base.astype("<f4"), faces, shapes


class Glb:
    """A glTF binary in the making (glTF 2.0 specification, section 4.4)."""

    def __init__(self, compressed=False):
        self.content = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [],
            "meshes": [],
            "materials": [{"doubleSided": True, "emissiveFactor": [1, 1, 1]}],
            "accessors": [],
            "bufferViews": [],
            "buffers": [],
            "extensionsUsed": [],
            "extensions": {},
        }
        self._binary = b""
        self._compressed = compressed
        if compressed:
            self.content["extensionsUsed"] = ["EXT_meshopt_compression"]
            self.content["extensionsRequired"] = ["EXT_meshopt_compression"]

    def _accessor(self, values):
        index = values.dtype.kind == "u"
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": values.nbytes}
        data = values.tobytes()
        if self._compressed:
            data = encode_indices(values) if index else encode_vertices(values)
            # The plain bytes are nowhere: a loader that overlooks the extension finds none.
            view = {
                "buffer": 1,
                "byteLength": values.nbytes,
                "extensions": {
                    "EXT_meshopt_compression": {
                        "buffer": 0,
                        "byteOffset": len(self._binary),
                        "byteLength": len(data),
                        "count": len(values),
                        "byteStride": values.nbytes // len(values),
                        "mode": "INDICES" if index else "ATTRIBUTES",
                    }
                },
            }
        self._binary += data + b"\0" * (-len(data) % 4)
        self.content["accessors"].append(
            {
                "bufferView": len(self.content["bufferViews"]),
                "componentType": 5123 if index else 5126,
                "count": len(values),
                "type": "SCALAR" if index else "VEC3",
                **({} if index else {"min": values.min(0).tolist(), "max": values.max(0).tolist()}),
            }
        )
        self.content["bufferViews"].append(view)
        return len(self.content["accessors"]) - 1

    def mesh(self, base, faces, shapes=(), names=()):
        """Add a mesh; `names` of its shapes, or none. Returns its number."""
        primitive = {
            "attributes": {"POSITION": self._accessor(base)},
            "indices": self._accessor(faces),
            "material": 0,
            "targets": [{"POSITION": self._accessor(shape)} for shape in shapes],
        }
        if not len(shapes):
            del primitive["targets"]
        self.content["meshes"].append({"primitives": [primitive], **({"extras": {"targetNames": names}} if names else {})})
        return len(self.content["meshes"]) - 1

    def node(self, **what):
        """Add a node; returns its number."""
        self.content["nodes"].append(what)
        return len(self.content["nodes"]) - 1

    def write(self, path):
        self.content["buffers"] = [{"byteLength": len(self._binary)}]
        if self._compressed:
            n = sum(view["byteLength"] for view in self.content["bufferViews"])
            self.content["buffers"].append({"byteLength": n, "extensions": {"EXT_meshopt_compression": {"fallback": True}}})
        text = json.dumps({key: value for key, value in self.content.items() if value != []}).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(self._binary), b"BIN\0") + self._binary
        path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
        return path


def board(path, names, wrap=None, compressed=False):
    """A .glb: a board of one tile for each of `names`.

    wrap : makes the file's ``extensions`` from the names, whose mesh then gets none.
    """
    glb = Glb(compressed)
    glb.node(mesh=glb.mesh(*tiles(len(names), 14), [] if wrap else names))
    glb.content["extensions"] = wrap(names) if wrap else {}
    return glb.write(path)


PRESETS = {0: ["a", "i", "u", "e", "o", "blink", "joy", "angry"], 1: ["aa", "ih", "ou", "ee", "oh", "blink", "happy", "angry"]}


def person(path, version):
    """A .vrm of that version that has vowels, a blink and two moods, a neck, a head and eyes, and no ARKit shape."""
    names, back = PRESETS[version], -1 if version == 0 else 1  # a VRM 0 looks along −z
    glb = Glb()
    base, faces, shapes = tiles(len(names), 4)
    face = glb.mesh((base * 0.2 - [0.1, 0.02, 0]).astype("<f4"), faces, shapes * 0.15)
    eye = glb.mesh((QUAD * 0.03 - [0.015, 0.015, 0]).astype("<f4"), np.array([0, 1, 2, 0, 2, 3], "<u2"))
    glb.node(name="hips", children=[1], translation=[0, 1, 0])
    glb.node(name="neck", children=[2], translation=[0, 0.4, 0])
    glb.node(name="head", children=[3, 4, 5], translation=[0, 0.1, 0])
    glb.node(name="face", mesh=face, translation=[0, 0, 0.1 * back])
    for i, (name, side) in enumerate((("leftEye", 1), ("rightEye", -1))):
        glb.node(name=name, children=[6 + i], translation=[0.05 * side * back, 0.15, 0])
    for name in ("leftIris", "rightIris"):
        glb.node(name=name, mesh=eye, translation=[0, 0, 0.12 * back])
    bones = {"hips": 0, "neck": 1, "head": 2, "leftEye": 4, "rightEye": 5}
    if version == 0:
        glb.content["extensions"] = {
            "VRM": {
                "humanoid": {"humanBones": [{"bone": bone, "node": node} for bone, node in bones.items()]},
                "blendShapeMaster": {
                    "blendShapeGroups": [
                        {"name": name.upper(), "presetName": name, "binds": [{"mesh": 0, "index": i, "weight": 100}]}
                        for i, name in enumerate(names)
                    ]
                },
                "firstPerson": {"lookAtHorizontalOuter": {"xRange": 90, "yRange": 20}},
            }
        }
    else:
        glb.content["extensions"] = {
            "VRMC_vrm": {
                "humanoid": {"humanBones": {bone: {"node": node} for bone, node in bones.items()}},
                "expressions": {
                    "preset": {
                        name: {"morphTargetBinds": [{"node": 3, "index": i, "weight": 1}]} for i, name in enumerate(names)
                    }
                },
                "lookAt": {"rangeMapHorizontalOuter": {"inputMaxValue": 90, "outputScale": 20}},
            }
        }
    return glb.write(path)


def vrm0(names):
    groups = [{"name": name, "binds": [{"mesh": 0, "index": i, "weight": 100}]} for i, name in enumerate(names)]
    return {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}}}


def vrm1(names):
    binds = {name: {"morphTargetBinds": [{"node": 0, "index": i, "weight": 1}]} for i, name in enumerate(names)}
    return {"VRMC_vrm": {"expressions": {"custom": binds}}}


def encode_vertices(values):
    """Values (n, k) → bytes, the plainest that the codec allows (EXT_meshopt_compression, attributes, version 0)."""
    data = values.reshape(len(values), -1).view("u1")  # (n, stride)
    n, stride = data.shape
    block = min((0x2000 // stride) & ~15, 256)
    last, coded = data[0], b"\xa0"
    for start in range(0, n, block):
        part = data[start : start + block]
        deltas = np.diff(np.concatenate([last[None], part]).astype("i8"), axis=0).astype("i1")
        zigzag = ((deltas.astype("i8") << 1) ^ (deltas.astype("i8") >> 7)).astype("u1")
        groups = -(-len(part) // 16)
        for k in range(stride):
            column = np.zeros(16 * groups, "u1")
            column[: len(part)] = zigzag[:, k]
            coded += b"\xff" * -(-groups // 4) + column.tobytes()  # every group as 16 whole bytes
        last = part[-1]
    return coded + bytes(max(0, 32 - stride)) + data[0].tobytes()


def encode_indices(values):
    """Numbers (n,) → bytes (EXT_meshopt_compression, indices, version 1): differences to the number before."""
    coded, last = b"\xd1", 0
    for value in values.tolist():
        delta, last = value - last, value
        number = ((delta << 1) ^ (delta >> 31)) << 1 & 0xFFFFFFFF
        while number > 127:
            coded += bytes([number & 127 | 128])
            number >>= 7
        coded += bytes([number])
    return coded + bytes(4)

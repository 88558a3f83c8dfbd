"""iFacialMocap: bytes against the vector, and by a parser like the receivers'."""

import numpy as np
from loopback import faces, starts_with_sha256

from fmg_rt.arkit import ARKIT_NAMES, INDEX
from fmg_rt.frame import Frame
from fmg_rt.sinks.ifacialmocap import IFacialMocapSink
from fmg_rt.wire.names import underscored


def test_frame_vector(receiver):
    sink = IFacialMocapSink(receiver.host, receiver.port)
    face = np.zeros(52, np.float32)
    face[INDEX["jawOpen"]], face[INDEX["mouthSmileLeft"]] = 0.25, 0.5
    sink.send(Frame(0, 0.0, face))
    (text,) = receiver.datagrams()
    assert len(text) == 893 and starts_with_sha256(text, "64dfec3668cabd52")
    assert text.startswith(b"browInnerUp-0|browDown_L-0|")
    assert text.endswith(
        b"tongueOut-0|=head#0.000000,0.000000,0.000000,0.000000,0.000000,0.000000"
        b"|rightEye#0.000000,0.000000,0.000000|leftEye#0.000000,0.000000,0.000000|"
    )
    sink.close()


def test_values_are_whole_percents(receiver):
    sink = IFacialMocapSink(receiver.host, receiver.port)
    for face in (*faces(5), np.ones(52, np.float32)):
        sink.send(Frame(0, 0.0, face))
        (text,) = receiver.datagrams()
        shapes, _, pose = text.decode("ascii").partition("=")
        found = {}
        for token in shapes.strip("|").split("|"):
            name, value = token.split("-")
            found[name] = int(value)  # as the strictest receiver parses it
        assert found == {underscored(name): round(100 * value) for name, value in zip(ARKIT_NAMES, face.tolist(), strict=True)}
        assert [part.partition("#")[0] for part in pose.strip("|").split("|")] == ["head", "rightEye", "leftEye"]
    sink.close()


def test_a_receiver_that_drops_the_outer_tokens_loses_nothing_it_knows(receiver):
    sink = IFacialMocapSink(receiver.host, receiver.port)
    sink.send(Frame(0, 0.0, np.ones(52, np.float32)))
    (text,) = receiver.datagrams()
    kept = text.decode().split("|")[1:-1]
    names = {token.partition("-")[0] for token in kept}
    assert {underscored(n) for n in ARKIT_NAMES} - names == {"browInnerUp"}
    sink.close()

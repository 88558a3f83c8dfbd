"""Options that name receivers and recordings, shared by the commands, and the sinks they ask for."""

import importlib.util
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import click

from ..arkit import ARKIT_NAMES
from ..sinks import Recorder, RecordError, Sink
from ..sinks.formats import BY_SUFFIX, FORMATS
from ..sinks.ifacialmocap import IFacialMocapSink
from ..sinks.livelink import LiveLinkSink
from ..sinks.osc import OscSink
from ..sinks.vmc import VmcSink
from ..sinks.vrchat import PORT, VrchatSink
from ..sinks.vtubestudio import PORT as VTUBE_STUDIO_PORT
from ..sinks.vtubestudio import VtubeStudioSink
from ..wire.vmc import CASES
from ..wire.vrchat import MAX_BITS
from .options import Address, together


def record_format(path: Path, name: str | None) -> str:
    """The format of a recording: the one named, or the one that the suffix of `path` asks for.

    Raises
    ------
    click.BadParameter
        Neither says which.
    """
    if name is not None:
        return name
    try:
        return BY_SUFFIX[path.suffix.lower()]
    except KeyError:
        known = ", ".join(BY_SUFFIX)
        raise click.BadParameter(
            f"'{path}' does not end in {known}; choose one or name a --record-format", param_hint="'--record'"
        ) from None


sink_options = together(
    click.option(
        "--osc",
        type=Address(),
        multiple=True,
        metavar="HOST:PORT",
        help="Plain OSC: /blendshapes, /blendshape/0 … /51, /fmg/names. Repeatable.",
    ),
    click.option("--no-bundle", is_flag=True, help="OSC, VMC, VRChat: a datagram per message, no bundles."),
    click.option(
        "--vmc",
        type=Address(39539),
        multiple=True,
        metavar="HOST[:PORT]",
        help="VMC protocol, for VSeeFace, Warudo, VNyan, Unity; 39539 or 39540. Repeatable.",
    ),
    click.option(
        "--vmc-case",
        type=click.Choice(list(CASES)),
        default="pascal",
        show_default=True,
        help="Spelling of the avatar's clips: jawOpen or JawOpen.",
    ),
    click.option("--vmc-vowels", is_flag=True, help="VMC: also A I U E O Blink, for avatars without perfect sync."),
    click.option(
        "--vrchat",
        type=Address(PORT),
        is_flag=False,
        flag_value=f"127.0.0.1:{PORT}",
        metavar="[HOST:PORT]",
        help=f"VRChat avatar parameters under VRCFaceTracking's v2 names. [alone: 127.0.0.1:{PORT}]",
    ),
    click.option(
        "--vrchat-ask",
        is_flag=True,
        help="VRChat: find it on this network and send only what its avatar has, old names too. Needs zeroconf.",
    ),
    click.option("--vrchat-prefix", default="", metavar="TEXT", help="VRChat: prefix before v2/, such as FT/."),
    click.option(
        "--vrchat-binary",
        type=click.IntRange(1, MAX_BITS),
        is_flag=False,
        flag_value=4,
        metavar="[BITS]",
        help="VRChat: also binary parameters with this many bits. [alone: 4]",
    ),
    click.option(
        "--livelink",
        type=Address(11111),
        multiple=True,
        metavar="HOST[:PORT]",
        help="Live Link Face, for Unreal, VRCFaceTracking, Warudo; 11111. Repeatable.",
    ),
    click.option("--subject", default="fmg", show_default=True, metavar="NAME", help="Live Link: the subject's name."),
    click.option(
        "--ifacialmocap",
        type=Address(49983),
        multiple=True,
        metavar="HOST[:PORT]",
        help="iFacialMocap text frames; 49983. Repeatable.",
    ),
    click.option(
        "--vtubestudio",
        type=Address(VTUBE_STUDIO_PORT),
        is_flag=False,
        flag_value=f"127.0.0.1:{VTUBE_STUDIO_PORT}",
        metavar="[HOST:PORT]",
        help=f"VTube Studio's plugin API; it asks you once whether to allow it. [alone: 127.0.0.1:{VTUBE_STUDIO_PORT}]",
    ),
    click.option("--vtubestudio-custom", is_flag=True, help="VTube Studio: also the 52 as parameters FmgJawOpen …"),
    click.option(
        "--record",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"Write the frames to FILE: {', '.join(BY_SUFFIX)}.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace the file of --record; else a number is added to its name."),
    click.option("--record-format", type=click.Choice(list(FORMATS)), help="Format of the recording; else its name decides."),
)
"""Decorator: add every option that `build_sinks` reads."""


def _driven(mask: str | None) -> Collection[str]:
    if mask is None:
        return ARKIT_NAMES
    from ..expression import parse_mask

    return parse_mask(mask)


def _need(package: str, option: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise click.ClickException(f"{option} needs one more package: pip install {package}")


def build_sinks(params: Mapping[str, Any], rate: float) -> list[Sink]:
    """The sinks that the command line asks for, opened.

    Parameters
    ----------
    params : values of the options of `sink_options`, as click gives them. Where a valid ``mask`` stands beside them,
        VMC and VRChat get only what fmg drives; the other formats know no gaps and get 0.
    rate : frames per second.

    Raises
    ------
    click.ClickException
        The recording cannot be begun.
    """
    bundled = not params["no_bundle"]
    sinks: list[Sink] = []
    if (path := params["record"]) is not None:
        try:
            recorder = Recorder(path, record_format(path, params["record_format"]), rate, params["overwrite"])
        except RecordError as error:
            raise click.ClickException(str(error)) from None
        for note in recorder.notes:
            click.echo(f"fmg-rt: {note}", err=True)
        sinks.append(recorder)
    driven = _driven(params.get("mask"))
    sinks += [OscSink(host, port, rate, bundled) for host, port in params["osc"]]
    case, with_vowels = params["vmc_case"], params["vmc_vowels"]
    sinks += [VmcSink(host, port, case, with_vowels, bundled, driven) for host, port in params["vmc"]]
    if params["vrchat"] is not None:
        host, port = params["vrchat"]
        prefix, bits = params["vrchat_prefix"], params["vrchat_binary"]
        asks = params["vrchat_ask"]
        if asks:
            _need("zeroconf", "--vrchat-ask")
        sinks.append(VrchatSink(host, port, rate, prefix, bits, bundled, driven, asks))
    sinks += [LiveLinkSink(host, port, rate, params["subject"]) for host, port in params["livelink"]]
    sinks += [IFacialMocapSink(host, port) for host, port in params["ifacialmocap"]]
    if params["vtubestudio"] is not None:
        _need("websockets", "--vtubestudio")
        host, port = params["vtubestudio"]
        token = Path(click.get_app_dir("fmg", roaming=False)) / "vtubestudio-token"
        sinks.append(VtubeStudioSink(host, port, token, params["vtubestudio_custom"], driven))
    return sinks

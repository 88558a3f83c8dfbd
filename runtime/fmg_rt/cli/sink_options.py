"""Options that name receivers and recordings, shared by the commands, and the sinks that they ask for."""

import importlib.util
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

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
from .options import Address, option

Addresses = tuple[tuple[str, int], ...]


def record_format(path: Path, name: str | None) -> str:
    """The format of a recording: the one named, or the one that the suffix of `path` asks for.

    Raises
    ------
    click.BadParameter
        Neither determines the format.
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


@dataclass(frozen=True)
class ReceiverOptions:
    """Options that name receivers, and what they get."""

    osc: Addresses = option(
        "--osc",
        type=Address(),
        multiple=True,
        metavar="HOST:PORT",
        help="Plain OSC: /blendshapes, /blendshape/0 … /51, /fmg/names. Repeatable.",
    )
    no_bundle: bool = option("--no-bundle", is_flag=True, help="OSC, VMC, VRChat: a datagram per message, no bundles.")
    vmc: Addresses = option(
        "--vmc",
        type=Address(39539),
        multiple=True,
        metavar="HOST[:PORT]",
        help="VMC protocol, for VSeeFace, Warudo, VNyan, Unity; 39539 or 39540. Repeatable.",
    )
    vmc_case: str = option(
        "--vmc-case",
        type=click.Choice(list(CASES)),
        default="pascal",
        show_default=True,
        help="Spelling of the avatar's clips: jawOpen or JawOpen.",
    )
    vmc_vowels: bool = option("--vmc-vowels", is_flag=True, help="VMC: also A I U E O Blink, for avatars without perfect sync.")
    vrchat: tuple[str, int] | None = option(
        "--vrchat",
        type=Address(PORT),
        is_flag=False,
        flag_value=f"127.0.0.1:{PORT}",
        metavar="[HOST:PORT]",
        help=f"VRChat avatar parameters under VRCFaceTracking's v2 names. [alone: 127.0.0.1:{PORT}]",
    )
    vrchat_ask: bool = option(
        "--vrchat-ask",
        is_flag=True,
        help="VRChat: find it on this network and send only what its avatar has, old names too. Needs zeroconf.",
    )
    vrchat_prefix: str = option("--vrchat-prefix", default="", metavar="TEXT", help="VRChat: prefix before v2/, such as FT/.")
    vrchat_binary: int | None = option(
        "--vrchat-binary",
        type=click.IntRange(1, MAX_BITS),
        is_flag=False,
        flag_value=4,
        metavar="[BITS]",
        help="VRChat: also binary parameters with this many bits. [alone: 4]",
    )
    livelink: Addresses = option(
        "--livelink",
        type=Address(11111),
        multiple=True,
        metavar="HOST[:PORT]",
        help="Live Link Face, for Unreal, VRCFaceTracking, Warudo; 11111. Repeatable.",
    )
    subject: str = option("--subject", default="fmg", show_default=True, metavar="NAME", help="Live Link: the subject's name.")
    ifacialmocap: Addresses = option(
        "--ifacialmocap",
        type=Address(49983),
        multiple=True,
        metavar="HOST[:PORT]",
        help="iFacialMocap text frames; 49983. Repeatable.",
    )
    vtubestudio: tuple[str, int] | None = option(
        "--vtubestudio",
        type=Address(VTUBE_STUDIO_PORT),
        is_flag=False,
        flag_value=f"127.0.0.1:{VTUBE_STUDIO_PORT}",
        metavar="[HOST:PORT]",
        help=f"VTube Studio's plugin API; it asks you once whether to allow it. [alone: 127.0.0.1:{VTUBE_STUDIO_PORT}]",
    )
    vtubestudio_custom: bool = option(
        "--vtubestudio-custom", is_flag=True, help="VTube Studio: also the 52 as parameters FmgJawOpen …"
    )


@dataclass(frozen=True)
class RecordOptions:
    """Options of a recording."""

    record: Path | None = option(
        "--record",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"Write the frames to FILE: {', '.join(BY_SUFFIX)}.",
    )
    overwrite: bool = option(
        "--overwrite", is_flag=True, help="Replace the file of --record; else a number is added to its name."
    )
    record_format: str | None = option(
        "--record-format", type=click.Choice(list(FORMATS)), help="Format of the recording; else its name decides."
    )


def _need(package: str, option: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise click.ClickException(f"{option} needs one more package: pip install {package}")


def build_sinks(options: ReceiverOptions, rate: float, driven: Collection[str] = ARKIT_NAMES) -> list[Sink]:
    """The receivers that the command line names, opened.

    Parameters
    ----------
    rate : frames per second.
    driven : names of the coefficients that fmg drives. VMC and VRChat get only these; the other formats know no gaps and
        get 0 for the rest.

    Raises
    ------
    click.ClickException
        A package is missing.
    """
    bundled = not options.no_bundle
    sinks: list[Sink] = [OscSink(host, port, rate, bundled) for host, port in options.osc]
    case, with_vowels = options.vmc_case, options.vmc_vowels
    sinks += [VmcSink(host, port, case, with_vowels, bundled, driven) for host, port in options.vmc]
    if options.vrchat is not None:
        if options.vrchat_ask:
            _need("zeroconf", "--vrchat-ask")
        prefix, bits = options.vrchat_prefix, options.vrchat_binary
        sinks.append(VrchatSink(*options.vrchat, rate, prefix, bits, bundled, driven, options.vrchat_ask))
    sinks += [LiveLinkSink(host, port, rate, options.subject) for host, port in options.livelink]
    sinks += [IFacialMocapSink(host, port) for host, port in options.ifacialmocap]
    if options.vtubestudio is not None:
        _need("websockets", "--vtubestudio")
        token = Path(click.get_app_dir("fmg", roaming=False)) / "vtubestudio-token"
        sinks.append(VtubeStudioSink(*options.vtubestudio, token, options.vtubestudio_custom, driven))
    return sinks


def build_recorder(options: RecordOptions, rate: float) -> Recorder | None:
    """The recording that the command line asks for, begun; None when it asks for none.

    Raises
    ------
    click.ClickException
        The recording cannot be begun.
    """
    if options.record is None:
        return None
    try:
        recorder = Recorder(options.record, record_format(options.record, options.record_format), rate, options.overwrite)
    except RecordError as error:
        raise click.ClickException(str(error)) from None
    for note in recorder.notes:
        click.echo(f"fmg-rt: {note}", err=True)
    return recorder

"""`fmg-rt monitor`: print what arrives at a port."""

import shutil
import sys
import time

import click

from ..app import monitor as arrivals
from ..wire.datagram import decode
from ..wire.udp import LOOPBACK, format_address, listen
from .options import Number

_REDRAW = 0.2  # s
_QUEUE = 1 << 20  # bytes that may wait while the screen is drawn


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=9000, show_default=True, help="UDP port to listen on.")
@click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    metavar="ADDRESS",
    help="Address of this computer to listen on; * is every address, for senders on other computers.",
)
@click.option("--lines", is_flag=True, help="One line per datagram, as when the output is not a terminal.")
@click.option(
    "--seconds", type=Number(min=0, min_open=True), metavar="S", help="Exit after S seconds; exit code 1 if nothing arrived."
)
def monitor(port: int, host: str, lines: bool, seconds: float | None) -> None:
    """Print what arrives at a port: OSC, VMC and VRChat parameters, Live Link, iFacialMocap.

    On a terminal, bars of the newest values; else, or with --lines, a line for each datagram. Only one program can
    listen at a port: close the receiver first.

    \b
    Examples:
      fmg-rt monitor --port 39539                 what VSeeFace would get
      fmg-rt monitor --port 9000 --seconds 3      does anything arrive?
      fmg-rt monitor --port 9000 --host '*'       from other computers, too
    """
    try:
        opened = listen(host, port, _QUEUE)
    except (OSError, UnicodeError) as error:
        where = format_address(host, port)
        raise click.ClickException(f"{where} is not available; another program may be listening there ({error})") from None
    bars = sys.stdout.isatty() and not lines
    click.echo(f"listening on {format_address(host, port)}; Ctrl-C exits", err=True)
    tally = arrivals.Tally()
    start = drawn = time.monotonic()
    n_rows = 0
    with opened:
        while seconds is None or time.monotonic() - start < seconds:
            got = arrivals.receive(opened, _REDRAW / 2)
            if got is not None:
                arrival = decode(got[0])
                tally.add(arrival, len(got[0]))
                if not bars:
                    click.echo(arrivals.line(arrival, len(got[0]), got[1]))
            since = time.monotonic() - drawn
            if bars and since >= _REDRAW:
                n_rows = _draw(tally.screen(since, *shutil.get_terminal_size()), n_rows)
                drawn += since
    if not tally.newest:
        raise click.ClickException(f"nothing arrived at {format_address(host, port)}")


def _draw(rows: list[str], n_before: int) -> int:
    """Draw `rows` over the ones before; returns how many there are now."""
    up = f"\x1b[{n_before}A" if n_before else ""
    click.echo(up + "".join(f"{row}\x1b[K\n" for row in rows) + "\x1b[J", nl=False)
    return len(rows)

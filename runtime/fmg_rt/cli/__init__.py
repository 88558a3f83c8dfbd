"""The command fmg-rt: a face from a voice, live."""

import importlib
import signal
from typing import Any

import click

from ..app.startup import end_without_output, prepare
from ..app.stop import Stop

COMMANDS = {
    "bake": "Turn sound files into files of frames.",
    "serve": "Faces for other programs, over gRPC and WebSocket.",
    "monitor": "Print what arrives at a port.",
    "doctor": "Check microphones, weights, speed and receivers.",
    "config": "Print a settings file with every option.",
    "names": "Print the names of the 52 coefficients, by region.",
    "cache": "Show, delete or fill the cache of compiled kernels.",
}


class Program(click.Group):
    """Acts as the command `run` itself, and imports the other commands on demand.

    Even the options of `run` need NumPy: they are imported after the handlers of Ctrl-C are installed.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        prepare()
        stop = Stop()
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        stop.listen()
        try:
            run = importlib.import_module(f"{__name__}.run").run
            self.params, self.callback = run.params, run.callback
            return super().main(*args, obj=stop, **kwargs)
        except OSError as error:  # the disk behind the output is full, the terminal is gone
            end_without_output(f"Error: {error}")
            raise SystemExit(1) from None
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return getattr(importlib.import_module(f"{__name__}.{name}"), name) if name in COMMANDS else None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Program, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Speech in, a moving face out: 52 ARKit blendshape coefficients, live, to every receiver named.

    \b
    Examples:
      fmg-rt --input demo --preview              see a face move, without a microphone
      fmg-rt                                     default microphone to OSC at 127.0.0.1:9000
      fmg-rt --device "USB" --vmc 127.0.0.1      VSeeFace, Warudo, VNyan
      fmg-rt --vrchat --vmc 192.168.1.7:39540    several receivers at once
      fmg-rt --input talk.wav --fast --record talk.csv
      arecord -f S16_LE -r 48000 | fmg-rt --input - --input-rate 48000
    """

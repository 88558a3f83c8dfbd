"""fmg-rt cache: the compiled kernels on disk."""

import importlib
import pkgutil

import click


@click.group()
def cache() -> None:
    """Show, delete or fill the cache of compiled kernels.

    Damaged files are deleted automatically. Without a writable folder the program compiles at every start.
    """


@cache.command()
def show() -> None:
    """Print where the kernels are stored, their number and size, and whether they are intact."""
    from ..kernels.cache import kept, places

    files = list(kept())
    for place in places():
        here = [(path, whole) for path, whole in files if path.parent == place]
        size = sum(path.stat().st_size for path, _ in here)
        damaged = [path for path, whole in here if not whole]
        click.echo(f"{place}: {len(here)} kernels, {size / 1e6:.1f} MB" + (f", {len(damaged)} damaged" if damaged else ""))
        for path in damaged:
            click.echo(f"  damaged: {path.name}; the next start deletes it and compiles it again")


@cache.command()
@click.pass_context
def clear(context: click.Context) -> None:
    """Delete the kernels: the next start compiles them."""
    from ..kernels.cache import clear as delete

    n, refusals = delete()
    click.echo(f"{n} kernels deleted")
    for line in refusals:
        click.echo(f"Error: {line}", err=True)
    if refusals:
        context.exit(1)


@cache.command()
@click.pass_context
def warm(context: click.Context) -> None:
    """Compile missing kernels in advance: for an image or an installer."""
    from .. import kernels
    from ..kernels.cache import tally

    modules = [module.name for module in pkgutil.iter_modules(kernels.__path__, f"{kernels.__name__}.")]
    with click.progressbar(modules, label="compiling", show_eta=False) as bar:
        for name in bar:
            importlib.import_module(name)
    click.echo(f"{tally.loaded} kernels found, {tally.compiled} compiled, {tally.place or 'not stored'}")
    if tally.refusal:
        raise click.ClickException(f"kernels cannot be stored ({tally.refusal})")

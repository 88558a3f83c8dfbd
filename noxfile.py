"""The tasks of a developer: `nox -s quick`, `tests`, `bench`, `lint`, `agents`, `receivers`, `nvidia`, `docs`, `application`.

They use the environment that nox itself is installed in: `pip install -c constraints.txt -e ".[train,corpus,oracle,serve,media,
docs,test]"` makes it once, as the README's test command does.
"""

import subprocess
import sys

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "quick"]

QUICK = "not slow and not timed and not audio and not browser"


@nox.session
def quick(session: nox.Session) -> None:
    """The tests that need no sound server, no browser and no quiet machine: under three minutes of one core."""
    session.run(sys.executable, "-m", "pytest", "-q", "-m", QUICK, "tests", *session.posargs, external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """Every test."""
    session.run(sys.executable, "-m", "pytest", "-q", "tests", *session.posargs, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed, on a machine that does nothing else."""
    session.run(sys.executable, "-m", "pytest", "-q", "bench", *session.posargs, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, layout and types."""
    session.run(sys.executable, "-m", "ruff", "check", external=True)
    session.run(sys.executable, "-m", "ruff", "format", "--check", external=True)
    session.run(sys.executable, "-m", "mypy", external=True)


@nox.session(venv_backend="venv")
def agents(session: nox.Session) -> None:
    """The faces of voice agents with pipecat and LiveKit, in an environment of their own: they want older libraries."""
    session.install("-e", ".[agents]", "pytest", "pytest-rerunfailures", "python-osc")
    session.run("python", "-c", "import pipecat.frames.frames, livekit.agents")  # without them the tests would be skipped
    session.run("python", "-m", "pytest", "-q", "tests/runtime/test_serve_agents.py", *session.posargs)


@nox.session(venv_backend="venv")
def receivers(session: nox.Session) -> None:
    """What VTube Studio and VMC get, by the clients of others, in an environment of their own: OpenCV is left out of it."""
    session.install("-e", ".[receivers]", "pytest", "pytest-rerunfailures", "python-osc", "aiofiles")
    session.install("--no-deps", "pyvts", "vmcp")
    session.run("python", "-c", "import vmcp.events, importlib.metadata; importlib.metadata.version('pyvts')")  # or skipped
    tests = ("tests/runtime/test_vtubestudio.py", "tests/runtime/test_sinks_vmc.py")
    session.run("python", "-m", "pytest", "-q", *tests, *session.posargs)


@nox.session(venv_backend="venv")
def nvidia(session: nox.Session) -> None:
    """NVIDIA's own client of Audio2Face-3D against our server, in an environment of its own: it wants an older grpcio."""
    session.install("nvidia-audio2face-3d==1.3.0", "numpy")
    grpc, http = "127.0.0.1:52177", "127.0.0.1:8177"
    server = subprocess.Popen([sys.executable, "-m", "fmg_rt", "serve", "--grpc", grpc, "--http", http])
    try:
        session.run("python", "tests/nvidia_client.py", grpc)
    finally:
        server.terminate()
        server.wait(60)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as a site in build/site; a broken link is an error."""
    session.run(sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", *session.posargs, external=True)


@nox.session
def application(session: nox.Session) -> None:
    """A folder with a program for people without Python, in dist/."""
    session.run(sys.executable, "packaging/application.py", *session.posargs, external=True)

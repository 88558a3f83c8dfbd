"""Every command on the pages about the service is run; the files that they name are checked where no engine can run them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("grpc")
pytest.importorskip("aiohttp")

from serving import serving  # noqa: E402

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "service").glob("*.md"))
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = [
    pytest.param(line, id=f"{page.stem}: {line[:40]}")
    for page in PAGES
    for block in BLOCK.findall(page.read_text("utf-8"))
    for line in block.splitlines()
    if line
]
NOT_HERE = ("docker ", "kubectl ", "pip install ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, voice):
    """Where the commands run: a sound file, and the examples."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(voice, folder / "talk.wav")
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


@pytest.fixture(scope="module")
def served(weight_file):
    with serving(weights=weight_file, egemaps=False) as running:
        yield running


def serve_and_stop(words, folder, environment):
    """Start a server of the page on free ports; it must announce itself and end well."""
    for option in ("--grpc", "--http"):
        if option in words:
            where = words[words.index(option) + 1]
            words[words.index(option) + 1] = where[: where.rfind(":")] + ":0" if where != "off" else where
        elif "agent.py" not in " ".join(words) or option == "--http":
            words += [option, "127.0.0.1:0"]
    words = [sys.executable, *(["-m", "fmg_rt"] if words[0] == "fmg-rt" else []), *words[1:]]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **environment, "BROWSER": "true"},
    )
    try:
        said = ""
        while not re.search(r"^(page: |open http)", said, re.MULTILINE):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said += line
        process.terminate()
        _, error = process.communicate(timeout=30)
        assert process.returncode == 0 and not error
    finally:
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_command(command, folder, served):
    if command.startswith(NOT_HERE):
        pytest.skip("needs an engine or a network")
    words = shlex.split(command.split("  #")[0])
    environment = {}
    while "=" in words[0]:
        name, value = words.pop(0).split("=")
        environment[name] = value
    if words[0] == "fmg-rt" or (words[0] == "python" and "agent.py" in words[1]):
        if "agent.py" in command and not shutil.which("espeak-ng"):
            pytest.skip("espeak-ng is not installed")
        serve_and_stop(words, folder, environment)
        return
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} is not installed")
    line = command.replace("127.0.0.1:8080", served.http).replace("curl -s", "curl -sf")
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if "> talk.jsonl" in command:
        assert len([json.loads(row) for row in (folder / "talk.jsonl").read_text().splitlines()]) == 90
    if "> talk.csv" in command:
        assert len((folder / "talk.csv").read_text().splitlines()) == 181


def test_each_page_has_commands():
    assert len(PAGES) == 4 and all(BLOCK.search(page.read_text("utf-8")) for page in PAGES)


def test_kubernetes_fits_the_command_and_the_image():
    deployment, service, scaler = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text("utf-8"))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    from fmg_rt.cli.serve import serve

    known = {option for param in serve.params for option in param.opts}
    image = (ROOT / "Dockerfile").read_text("utf-8")
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", image, re.MULTILINE)
    used = [word for word in [*json.loads(entry), *container["args"]] if word.startswith("--")]
    assert set(used) <= known
    drain = float(container["args"][container["args"].index("--drain-seconds") + 1])
    assert pod["terminationGracePeriodSeconds"] > drain + 5
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 52000, "http": 8080} and all(f":{port}" in entry for port in ports.values())
    assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
    assert scaler["spec"]["metrics"][0]["pods"]["metric"]["name"] in (ROOT / "docs/service/scaling.md").read_text("utf-8")
    assert pod["securityContext"]["runAsNonRoot"] and "\nUSER fmg\n" in image


def test_what_the_image_needs_reaches_it():
    image, let_in = (ROOT / "Dockerfile").read_text("utf-8"), (ROOT / ".dockerignore").read_text("utf-8").split()
    for line in re.findall(r"^COPY (?!--)(.+) \S+$", image, re.MULTILINE):
        for name in line.split():
            assert (ROOT / name).exists() and f"!{name}" in let_in


def test_the_protocol_page_names_what_there_is(served):
    from fmg_rt.serve.websocket import VERSION

    page = (ROOT / "docs" / "service" / "websocket.md").read_text("utf-8")
    assert f"version {VERSION}" in page and "228 bytes" in page and 4 * (2 + 52 + 3) == 228
    metrics = set(re.findall(r"^# TYPE (\w+)", served.server.streams.metrics.text(), re.MULTILINE))
    assert set(re.findall(r"`(fmg_\w+)", (ROOT / "docs/service/scaling.md").read_text("utf-8"))) <= metrics

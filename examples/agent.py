"""Text in, a talking avatar in the browser out: espeak-ng speaks, fmg moves the face, both are heard and seen together.

    python examples/agent.py                 # opens http://127.0.0.1:8080/agent.html
    python examples/agent.py --voice ja --http 127.0.0.1:8090 --no-browser

Needs espeak-ng and the extra [serve]. `answer` is where a language model would stand.
"""

import argparse
import asyncio
import subprocess
import webbrowser

from aiohttp import web

from fmg_rt import FmgError
from fmg_rt.serve.server import Address, Options, Server, run

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>fmg: a talking agent</title>
<link rel="stylesheet" href="style.css">
<canvas id="face" width="960" height="1120" style="object-fit: contain"></canvas>
<footer><form><input name="text" value="Hello! My mouth moves with my voice." size="60" autofocus>
<button>say it</button> <button type="button" id="stop">stop</button></form> <span id="state"></span></footer>
<script type="module">
  import { FaceClient } from "./client.js";
  import { drawFace } from "./face.js";
  const pen = document.getElementById("face").getContext("2d"), state = document.getElementById("state");
  const context = new AudioContext();
  const client = new FaceClient(`ws://${location.host}/v1/stream`, context);
  document.forms[0].onsubmit = async (event) => {
    event.preventDefault();
    await context.resume();
    const answer = await fetch("say", { method: "POST", body: new FormData(document.forms[0]).get("text") });
    if (!answer.ok) return state.textContent = await answer.text();
    const sound = await context.decodeAudioData(await answer.arrayBuffer());
    if (client.speaking) client.interrupt();
    client.speak(sound.getChannelData(0));
    client.end();
  };
  document.getElementById("stop").onclick = () => client.interrupt();
  client.onclose = (reason) => state.textContent = reason;
  (function paint() {
    requestAnimationFrame(paint);
    if (!client.names.length) return;
    const values = client.pose();
    drawFace(pen, Object.fromEntries(client.names.map((name, i) => [name, values[i]])), 960, 1120);
  })();
  window.fmg = await client.open();
</script>
</html>
"""


def answer(text: str) -> str:
    """What the agent says to what it hears."""
    return text


def speak(text: str, voice: str) -> bytes:
    """A WAV file of the text, by espeak-ng."""
    return subprocess.run(
        ["espeak-ng", "-v", voice, "--stdin", "--stdout"], input=text.encode(), check=True, capture_output=True, timeout=30
    ).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description="A talking agent in the browser.")
    parser.add_argument("--voice", default="en", help="of espeak-ng")
    parser.add_argument("--http", default="127.0.0.1:8080", help="HOST:PORT of the page")
    parser.add_argument("--no-browser", action="store_true")
    chosen = parser.parse_args()
    host, _, port = chosen.http.rpartition(":")

    async def say(request: web.Request) -> web.Response:
        text = answer(await request.text())
        try:
            sound = await asyncio.to_thread(speak, text, chosen.voice)
        except (OSError, subprocess.SubprocessError) as error:
            return web.Response(status=500, text=f"espeak-ng does not speak: {error}")
        return web.Response(body=sound, content_type="audio/wav")

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    def add_routes(app: web.Application) -> None:
        app.router.add_get("/agent.html", page)
        app.router.add_post("/say", say)

    def ready(server: Server) -> None:
        url = f"http://{server.http}/agent.html"
        print(f"open {url}", flush=True)
        if not chosen.no_browser:
            webbrowser.open(url)

    try:
        asyncio.run(run(Options(grpc=None, http=Address((host, int(port)))), ready, extend=add_routes))
    except FmgError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()

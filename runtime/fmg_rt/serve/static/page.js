// The page of fmg-rt serve: a visitor speaks or plays a sound file, and sees the face of it.
import { FaceClient } from "./client.js";
import { drawFace } from "./face.js";

const $ = (id) => document.getElementById(id);
const canvas = $("face"), pen = canvas.getContext("2d");
const context = new AudioContext();
const query = new URLSearchParams(location.search);
const url = `${location.protocol.replace("http", "ws")}//${location.host}/v1/stream`;
const client = new FaceClient(url, context, { token: query.get("token") ?? "" });
let avatar = null;
let listening = false;

const state = (text) => { $("state").textContent = text; };

// What goes wrong is told, not thrown away.
const told = (action) => async (...arguments_) => {
  try { await action(...arguments_); } catch (error) { state(error.message); }
};

client.onclose = (reason) => state(reason);

async function play(file) {
  await context.resume();
  const sound = await context.decodeAudioData(await file.arrayBuffer());
  client.interrupt();
  state(`playing ${file.name}`);
  const mono = new Float32Array(sound.length);
  for (let channel = 0; channel < sound.numberOfChannels; channel++) {
    const samples = sound.getChannelData(channel);
    for (let i = 0; i < mono.length; i++) mono[i] += samples[i] / sound.numberOfChannels;
  }
  for (let start = 0; start < mono.length; start += sound.sampleRate) client.speak(mono.subarray(start, start + sound.sampleRate));
  client.end();
}

async function talk() {
  if (listening) {
    client.mute();
  } else {
    await context.resume();
    client.interrupt();
    await client.listen(await navigator.mediaDevices.getUserMedia({ audio: true }));
  }
  listening = !listening;
  $("talk").textContent = listening ? "leave the microphone" : "speak into the microphone";
  state(listening ? "listening" : "ready");
}

async function wear(file) {
  const fresh = $("avatar").cloneNode();   // a canvas keeps the first kind of drawing it was asked for
  const { loadAvatar } = await import("./avatar.js");
  const own = await loadAvatar(await file.arrayBuffer(), fresh, client.names);
  avatar?.close();
  avatar = own;
  $("avatar").replaceWith(fresh);
  fresh.hidden = false;
  canvas.hidden = true;
  state(`${file.name}: ${[`${avatar.found} of 52 shapes`, ...avatar.parts].join(", ")}`);
}

$("talk").onclick = told(talk);
$("stop").onclick = () => { client.interrupt(); state("ready"); };
$("sound").onchange = told(async () => { const [file] = $("sound").files; $("sound").value = ""; if (file) await play(file); });
$("own").onchange = told(async () => { if ($("own").files.length) await wear($("own").files[0]); });
document.ondragover = (event) => event.preventDefault();
document.ondrop = told(async (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) await (/\.(glb|vrm)$/i.test(file.name) ? wear(file) : play(file));
});

function fit() {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = Math.round(innerWidth * ratio);
  canvas.height = Math.round(innerHeight * ratio);
}

function paint() {
  requestAnimationFrame(paint);
  if (!client.names.length) return;
  const { pose, head } = client.face();
  if (avatar) avatar.draw(pose, canvas.width, canvas.height, head); else drawFace(pen, pose, canvas.width, canvas.height, head);
  $("stop").disabled = !client.speaking;
}

window.onresize = fit;
fit();
window.fmg = client;                       // for the console
requestAnimationFrame(paint);
await client.open().then(() => state("ready"), (error) => state(error.message));

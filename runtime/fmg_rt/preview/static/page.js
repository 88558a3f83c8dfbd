// The page: one WebSocket in (frames, status, controls), one out (what a person moved).
import { drawFace } from "./face.js";
import { Graph } from "./graph.js";
import { receiversRoom } from "./receivers.js";
import { Sound } from "./sound.js";
import { language, remember, remembered, translate, word } from "./words.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const bare = query.has("bare");
document.documentElement.classList.toggle("bare", bare);
translate(document);

const N = 52;
const FRAME = 1;
const canvas = $("face");
const pen = canvas.getContext("2d");

let names = [];
let emotions = [];
let target = new Float32Array(N + 3);  // the newest frame: coefficients, then yaw, pitch, roll
let shown = new Float32Array(N + 3);   // what is on the screen, on its way there
let moods = {};                        // emotion → strength
let waiting = [];                      // frames whose sound is not heard yet
let calibration = null;
let chosen = "jawOpen";
let bars = [];
let dirty = true;
let asked = false;                     // whether this page has asked for something, so that a note is its answer
let socket = null;
let avatar = null;                     // a person's own, in place of the drawn face
let given = null;                      // the avatar that the command line named
let sound = null;

// ---- in ---------------------------------------------------------------------------------------------------------

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => state(word("live"), "on");
  socket.onclose = () => { state(word("closed"), "off"); setTimeout(connect, 1000); };
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return receive(data);
    const message = JSON.parse(data);
    if (message.names) hello(message);
    if (message.controls) controls(message.controls);
    if (message.status) status(message.status);
    if (message.sent) receivers.sent(message.sent);
    if (message.note && asked) note(word(message.kind, message.note));
  };
}

function state(text, kind) { $("state").textContent = text; $("state").className = kind; }

// A frame: two uint32 (kind, number of emotions), the time in seconds (float64), 52 coefficients, yaw, pitch, roll, emotions.
function receive(data) {
  const view = new DataView(data);
  if (view.getUint32(0, true) !== FRAME) return;
  const values = new Float32Array(data, 16);
  const next = { time: view.getFloat64(8, true), values: values.subarray(0, N + 3), moods: values.subarray(N + 3) };
  if (sound?.now == null) return take(next);
  if (waiting.length && next.time < waiting.at(-1).time) waiting = [];  // time began anew
  waiting.push(next);
  if (waiting.length > 240) waiting.shift();
}

function take({ time, values, moods: strengths }) {
  target = values;
  moods = Object.fromEntries(emotions.map((name, i) => [name, strengths[i]]));
  dirty = true;
  put("time", `${Math.floor(time / 60)}:${(time % 60).toFixed(1).padStart(4, "0")}`);
  const at = (name) => values[names.indexOf(name)] ?? 0;
  const strongest = emotions.reduce((best, name) => (moods[name] > (moods[best] ?? 0.005) ? name : best), "");
  graph.add(time, [
    Math.max(at("jawOpen") - at("mouthClose"), 0),
    (at("browInnerUp") + (at("browOuterUpLeft") + at("browOuterUpRight") - at("browDownLeft") - at("browDownRight")) / 2),
    moods[strongest] ?? 0,
  ], strongest && word(strongest));
}

function put(id, text) { if ($(id).textContent !== text) $(id).textContent = text; }

function status(s) {
  const level = s.level ?? -120;
  put("level", level <= -119 ? word("silence") : `${level.toFixed(0)} dBFS`);
  $("meter").firstElementChild.style.transform = `scaleX(${Math.min(1, Math.max(0, 1 + level / 60))})`;
  $("meter").setAttribute("aria-valuenow", Math.max(-60, level).toFixed(0));
  if (s.latency != null) put("latency", `${s.latency.toFixed(0)} ms`);
  if (s.rate != null) put("rate", s.rate.toFixed(1));
  if (s.overflows != null) { put("overflows", `${s.overflows}`); $("overflows").classList.toggle("bad", s.overflows > 0); }
  if (s.device != null) { put("device", s.device); $("device").title = s.device; }
  receivers.failing(s.failing ?? []);
  const trouble = s.failing?.length ? word("failing", s.failing.join(", ")) : s.note;
  state(trouble || word("live"), trouble ? "warn" : "on");
}

function hello(m) {
  names = m.names;
  emotions = m.emotions;
  if (!bars.length) buildBars(m.regions);
  room("emotion").hidden = !emotions.length;
  if (m.avatar && m.avatar !== given) {
    given = m.avatar;
    loadOwn({ name: given, arrayBuffer: async () => (await fetch("avatar")).arrayBuffer() });
  }
  if (m.sound && !sound) sound = new Sound();
  $("sound").hidden = !m.sound;
  $("save").title = m.files.join(" · ");
  graph.lanes = [
    { name: word("opening"), colour: "--lips", low: 0, high: 1 }, { name: word("brows"), colour: "--brows", low: -0.5, high: 0.5 },
    ...(emotions.length ? [{ name: word("mood"), colour: "--eyes", low: 0, high: 1 }] : []),
  ];
}

function controls(m) {
  calibration = m.calibration;
  const list = $("devices");
  list.hidden = !m.devices;
  $("device").hidden = !!m.devices;
  if (m.devices && document.activeElement !== list) {
    list.replaceChildren(...m.devices.map((name) => new Option(name, name, false, name === m.device)));
  }
  $("quit").hidden = !m.quit;
  const tunable = !!calibration;
  for (const part of [$("calibration"), $("save")]) part.hidden = !tunable;
  room("strength").hidden = !tunable;
  room("receivers").hidden = !(m.receivers || m.command);
  for (const [name, value] of Object.entries(m.strength)) strength(name, value);
  if (tunable) for (const name of emotions) emotion(name, m.emotion[name] ?? 0);
  receivers.show(m.receivers, m.command);
  choose(chosen);
}

// ---- out --------------------------------------------------------------------------------------------------------

function ask(message) {
  asked = true;
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

const receivers = receiversRoom($("room-receivers"), ask);

function slide(input, value, text) {
  // A slider under a finger is not moved by the echo of its own change.
  if (document.activeElement !== input || !input.matches(":active")) input.value = value;
  input.nextElementSibling.textContent = text(Number(input.value));
}

// The slider of that name in that place, made when it is first asked for.
function slider(place, kind, name, most, text, value) {
  let input = $(`${kind}-${name}`);
  if (!input) {
    const label = document.createElement("label");
    label.innerHTML = `<span></span> <input type="range" min="0" max="${most}" step="0.05"><output></output>`;
    label.firstElementChild.textContent = word(name);
    input = label.querySelector("input");
    input.id = `${kind}-${name}`;
    input.oninput = () => { slide(input, input.value, text); ask({ [kind]: [name, Number(input.value)] }); };
    place.append(label);
  }
  slide(input, value, text);
}

// How far chosen emotions go before those heard is a share; the others are factors.
const strength = (name, value) => slider($("strengths"), "strength", name, name === "emotion_mix" ? 1 : 3, (v) => v.toFixed(2), value);
const emotion = (name, value) => slider($("emotions"), "emotion", name, 1, (v) => v.toFixed(2), value);

function choose(name) {
  chosen = name;
  put("chosen", name);
  for (const bar of bars) bar.row.classList.toggle("chosen", bar.name === name && !!calibration);
  const [scale, bias] = calibration?.[name] ?? [1, 0];
  slide($("scale"), scale, (v) => `× ${v.toFixed(2)}`);
  slide($("bias"), bias, (v) => (v < 0 ? "− " : "+ ") + Math.abs(v).toFixed(2));
}

function calibrate(scale, bias) {
  calibration[chosen] = [scale, bias];
  ask({ calibration: [chosen, scale, bias] });
  choose(chosen);
}

$("scale").oninput = $("bias").oninput = () => calibrate(Number($("scale").value), Number($("bias").value));
$("neutral").onclick = () => calibrate(1, 0);
$("none").onclick = () => { for (const name of emotions) if (Number($(`emotion-${name}`).value)) ask({ emotion: [name, 0] }); };
$("save").onclick = () => ask({ save: true });
$("quit").onclick = () => ask({ quit: true });
$("devices").onchange = () => ask({ device: $("devices").value });
$("devices").onpointerdown = () => ask({ refresh: true });

// ---- rooms, theme, language, sound ------------------------------------------------------------------------------

function room(name) { return document.querySelector(`[data-room=${name}]`); }

function enter(name) {
  for (const tab of document.querySelectorAll("[data-room]")) {
    tab.setAttribute("aria-selected", tab.dataset.room === name);
    $(`room-${tab.dataset.room}`).hidden = tab.dataset.room !== name;
  }
}

for (const tab of document.querySelectorAll("[data-room]")) tab.onclick = () => enter(tab.dataset.room);
enter("bars");
for (const name of ["strength", "emotion", "receivers"]) room(name).hidden = true;  // until there is something in them

const THEMES = ["auto", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: light)");
let theme = query.get("theme") ?? remembered("theme");
if (!THEMES.includes(theme)) theme = "auto";

function paintTheme() {
  document.documentElement.classList.toggle("light", theme === "light" || (theme === "auto" && system.matches));
  $("theme").textContent = word(`theme${theme[0].toUpperCase()}${theme.slice(1)}`);
}

system.onchange = paintTheme;
$("theme").onclick = () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  remember("theme", theme);
  paintTheme();
};
paintTheme();

$("language").onclick = () => {
  remember("language", language === "ja" ? "en" : "ja");
  query.delete("lang");
  location.search = query.toString();
};

function showSound() {
  $("sound").title = word(sound?.on ? "soundOff" : "soundOn");
  $("sound").setAttribute("aria-pressed", !!sound?.on);
}

$("sound").onclick = () => {
  if (sound.on) sound.stop(); else sound.start();
  for (const next of waiting.splice(0)) take(next);
  showSound();
};
showSound();

// ---- own avatar -------------------------------------------------------------------------------------------------

async function loadOwn(file) {
  note(`${file.name} …`);
  // A canvas belongs to one drawing context for ever: each avatar gets a new one.
  const fresh = $("avatar").cloneNode();
  try {
    const { loadAvatar } = await import("./avatar.js");
    const loaded = await loadAvatar(await file.arrayBuffer(), fresh, names);
    avatar?.close();
    avatar = loaded;
    $("avatar").replaceWith(fresh);
    showDrawn(false);
    const others = avatar.parts.filter((part) => part !== "vowels").map((part) => word(part)).join(", ");
    note(avatar.parts.includes("vowels") ? word("vowels", file.name, others)
      : [word("shapes", file.name, avatar.found), others].filter(Boolean).join(", "));
  } catch (error) {
    note(`${file.name}: ${error.key ? word(error.key) : error.message}`);
  }
}

function showDrawn(on) {
  $("avatar").hidden = on;
  canvas.hidden = !on;
  $("drawn").hidden = on;
  dirty = true;
}

$("drawn").onclick = () => { avatar.close(); avatar = null; showDrawn(true); };

function note(text) { $("note").textContent = text; }

$("file").onchange = () => { if ($("file").files.length) loadOwn($("file").files[0]); $("file").value = ""; };
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => { event.preventDefault(); if (event.dataTransfer.files.length) loadOwn(event.dataTransfer.files[0]); };

// ---- bars and graph ---------------------------------------------------------------------------------------------

function buildBars(regions) {
  for (const [region, members] of Object.entries(regions)) {
    const group = document.createElement("div");
    group.className = `group ${region}`;
    group.innerHTML = `<h2>${word(region)}</h2>`;
    for (const name of members) {
      const row = document.createElement("button");
      row.innerHTML = "<span></span><i><b></b></i><em>0</em>";
      row.firstElementChild.textContent = row.title = name;
      row.onclick = () => choose(name);
      group.append(row);
      bars.push({ name, index: names.indexOf(name), row, fill: row.querySelector("b"), number: row.querySelector("em"), last: 0 });
    }
    $("bars").append(group);
  }
}

function drawBars() {
  for (const bar of bars) {
    const value = Math.round(shown[bar.index] * 100);
    if (value === bar.last) continue;
    bar.last = value;
    bar.fill.style.transform = `scaleX(${value / 100})`;
    bar.number.textContent = value;
  }
}

const graph = new Graph($("graph"));

$("pause").onclick = () => {
  graph.pause(!graph.paused);
  $("pause").textContent = word(graph.paused ? "go" : "pause");
  $("pause").setAttribute("aria-pressed", graph.paused);
};

// ---- the screen -------------------------------------------------------------------------------------------------

function fit() {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = Math.round($("view").clientWidth * ratio);
  canvas.height = Math.round($("view").clientHeight * ratio);
  dirty = true;
}

let then = performance.now();
let counted = { frames: 0, since: then };

function paint(now) {
  requestAnimationFrame(paint);
  counted.frames++;
  if (now - counted.since >= 1000) {
    put("fps", (1000 * counted.frames / (now - counted.since)).toFixed(0));
    counted = { frames: 0, since: now };
  }
  const elapsed = Math.min(now - then, 100), heard = sound?.now ?? Infinity;
  then = now;
  while (waiting.length && waiting[0].time <= heard) take(waiting.shift());
  if (!bare && counted.frames % 3 === 0) graph.draw();  // numbers and curves cost more than the face; 20 times a second will do
  if (!dirty) return;
  // Frames come at 30 a second, the screen goes at 60: glide, with a half-life of 9 ms, and arrive.
  const far = Math.pow(0.5, elapsed / 9);
  let furthest = 0;
  for (let i = 0; i < N + 3; i++) {
    shown[i] = target[i] + (shown[i] - target[i]) * far;
    furthest = Math.max(furthest, Math.abs(shown[i] - target[i]));
  }
  if (furthest < 1e-3) { shown.set(target); dirty = false; }
  const pose = Object.fromEntries(names.map((name, i) => [name, shown[i]]));
  const head = [...shown.subarray(N)];
  if (avatar) avatar.draw(pose, canvas.width, canvas.height, head, moods);
  else drawFace(pen, pose, canvas.width, canvas.height, head);
  if (!bare && (!dirty || counted.frames % 3 === 0)) drawBars();
}

new ResizeObserver(fit).observe($("view"));
fit();
connect();
requestAnimationFrame(paint);

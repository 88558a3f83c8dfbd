// The page: one WebSocket in (frames, status, controls), one out (what a person moved).
import { drawFace } from "./face.js";

const $ = (id) => document.getElementById(id);
const canvas = $("face");
const pen = canvas.getContext("2d");

let names = [];
let target = new Float32Array(52);     // the newest frame
let shown = new Float32Array(52);      // what is on the screen, on its way there
let calibration = null;
let chosen = "jawOpen";
let bars = [];
let dirty = true;
let asked = false;                     // whether this page has asked for something, so that a note is its answer
let socket = null;
let avatar = null;                     // a person's own, in place of the drawn face

// ---- in ---------------------------------------------------------------------------------------------------------

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => state("live", "on");
  socket.onclose = () => { state("not running", "off"); setTimeout(connect, 1000); };
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return frame(new Float32Array(data));
    const message = JSON.parse(data);
    if (message.names) controls(message);
    if (message.status) status(message.status);
    if (message.note && asked) note(message.note);
  };
}

function state(text, kind) { $("state").textContent = text; $("state").className = kind; }

function frame(values) {
  target = values.subarray(1, 53);
  dirty = true;
  const s = values[0];
  put("time", `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`);
}

function put(id, text) { if ($(id).textContent !== text) $(id).textContent = text; }

function status(s) {
  const level = s.level ?? -120;
  put("level", level <= -119 ? "silence" : `${level.toFixed(0)} dBFS`);
  $("meter").firstElementChild.style.transform = `scaleX(${Math.min(1, Math.max(0, 1 + level / 60))})`;
  $("meter").setAttribute("aria-valuenow", Math.max(-60, level).toFixed(0));
  if (s.latency != null) put("latency", `${s.latency.toFixed(0)} ms`);
  if (s.rate != null) put("rate", s.rate.toFixed(1));
  if (s.overflows != null) { put("overflows", `${s.overflows}`); $("overflows").classList.toggle("bad", s.overflows > 0); }
  if (s.device != null) put("device", s.device);
  const trouble = s.failing?.length ? `not taking frames: ${s.failing.join(", ")}` : s.note;
  state(trouble || "live", trouble ? "warn" : "on");
}

function controls(m) {
  if (!bars.length) buildBars(m);
  calibration = m.calibration;
  const list = $("devices");
  list.hidden = !m.devices;
  $("device").hidden = !!m.devices;
  if (m.devices && document.activeElement !== list) {
    list.replaceChildren(...m.devices.map((name) => new Option(name, name, false, name === m.device)));
  }
  $("tuning").hidden = !calibration;
  for (const [name, value] of Object.entries(m.strength)) strength(name, value);
  choose(chosen);
  $("save").title = m.files.join(" · ");
}

// ---- out --------------------------------------------------------------------------------------------------------

function ask(message) {
  asked = true;
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function slide(input, value, text) {
  // A slider under a finger is not moved by the echo of its own change.
  if (document.activeElement !== input || !input.matches(":active")) input.value = value;
  input.nextElementSibling.textContent = text(Number(input.value));
}

function strength(name, value) {
  let input = $(`strength-${name}`);
  if (!input) {
    const label = document.createElement("label");
    label.innerHTML = `<span></span> <input type="range" min="0" max="3" step="0.05"><output></output>`;
    label.firstElementChild.textContent = name;
    input = label.querySelector("input");
    input.id = `strength-${name}`;
    input.oninput = () => { slide(input, input.value, (v) => v.toFixed(2)); ask({ strength: [name, Number(input.value)] }); };
    $("strengths").append(label);
  }
  slide(input, value, (v) => v.toFixed(2));
}

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
$("save").onclick = () => ask({ save: true });
$("devices").onchange = () => ask({ device: $("devices").value });
$("devices").onpointerdown = () => ask({ refresh: true });

// ---- own avatar -------------------------------------------------------------------------------------------------

async function loadOwn(file) {
  note(`Reading ${file.name} …`);
  // A canvas keeps the first kind of drawing it was asked for, so each avatar gets a new one.
  const fresh = $("avatar").cloneNode();
  try {
    const { loadAvatar } = await import("./avatar.js");
    avatar = await loadAvatar(await file.arrayBuffer(), fresh, names);
    $("avatar").replaceWith(fresh);
    fresh.hidden = false;
    canvas.hidden = true;
    dirty = true;
    note(`${file.name}: ${avatar.found} of 52 shapes found`);
  } catch (error) {
    note(`${file.name}: ${error.message}`);
  }
}

function note(text) { $("note").textContent = text; }

$("file").onchange = () => { if ($("file").files.length) loadOwn($("file").files[0]); };
document.ondragover = (event) => event.preventDefault();
document.ondrop = (event) => { event.preventDefault(); if (event.dataTransfer.files.length) loadOwn(event.dataTransfer.files[0]); };

// ---- bars -------------------------------------------------------------------------------------------------------

function buildBars(m) {
  names = m.names;
  for (const [region, members] of Object.entries(m.regions)) {
    const group = document.createElement("div");
    group.className = `group ${region}`;
    group.innerHTML = `<h2>${region}</h2>`;
    for (const name of members) {
      const row = document.createElement("button");
      row.innerHTML = "<span></span><i><b></b></i><em>0</em>";
      row.firstElementChild.textContent = name.replace("Left", " L").replace("Right", " R");
      row.title = name;
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

// ---- the screen -------------------------------------------------------------------------------------------------

function fit() {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = Math.round($("stage").clientWidth * ratio);
  canvas.height = Math.round($("stage").clientHeight * ratio);
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
  const elapsed = Math.min(now - then, 100);
  then = now;
  if (!dirty) return;
  // Frames come at 30 a second, the screen goes at 60: glide, with a half-life of 9 ms, and arrive.
  const far = Math.pow(0.5, elapsed / 9);
  let furthest = 0;
  for (let i = 0; i < 52; i++) {
    shown[i] = target[i] + (shown[i] - target[i]) * far;
    furthest = Math.max(furthest, Math.abs(shown[i] - target[i]));
  }
  if (furthest < 1e-3) { shown.set(target); dirty = false; }
  const pose = Object.fromEntries(names.map((name, i) => [name, shown[i]]));
  if (avatar) avatar.draw(pose, canvas.width, canvas.height); else drawFace(pen, pose, canvas.width, canvas.height);
  if (!dirty || counted.frames % 3 === 0) drawBars();  // laying out numbers costs more than the face; 20 times a second will do
}

new ResizeObserver(fit).observe($("stage"));
fit();
connect();
requestAnimationFrame(paint);

// The face: one pure function from 52 ARKit coefficients and the turn of the head to a drawing on a 2D canvas.
//
//   import { drawFace } from "./face.js";
//   drawFace(context, { jawOpen: 0.4, mouthSmileLeft: 0.2 }, canvas.width, canvas.height, [yaw, pitch, roll]);
//
// That is the whole interface; this file needs no other and keeps nothing between two calls.
// Units: the head is about 360 high, origin between the eyes, x to the viewer's right, y down.
// "Left" is the subject's left, which is the viewer's right: side +1.

const VIEW = { width: 480, height: 560, x: 240, y: 256 };
const SIDES = [["Left", 1], ["Right", -1]];

const SKIN = { light: "#ffe0c8", base: "#f8c8a6", shade: "#e5a27f", deep: "#c77c5d", line: "#a2573f" };
const HAIR = { light: "#7a6ff0", base: "#463c9c", deep: "#251f5c" };
const LIPS = { upper: "#c4545c", lower: "#dd7377", light: "#f7aaa6", line: "#7c2733" };
const WEAR = { light: "#3fd0c0", base: "#1f9d95", deep: "#11625f" };
const INK = "#2a1b2e";

const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
const mix = (a, b, t) => a + (b - a) * t;
const smoothstep = (a, b, x) => { const t = clamp((x - a) / (b - a), 0, 1); return t * t * (3 - 2 * t); };

// A smooth curve through points (Catmull-Rom as Béziers); goes on from the current point unless `move`.
function trace(g, points, { closed = false, move = true } = {}) {
  const n = points.length;
  const at = (i) => closed ? points[(i + n) % n] : points[clamp(i, 0, n - 1)];
  if (move) g.moveTo(...points[0]); else g.lineTo(...points[0]);
  for (let i = 0; i < (closed ? n : n - 1); i++) {
    const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    g.bezierCurveTo(p1[0] + (p2[0] - p0[0]) / 6, p1[1] + (p2[1] - p0[1]) / 6,
      p2[0] - (p3[0] - p1[0]) / 6, p2[1] - (p3[1] - p1[1]) / 6, p2[0], p2[1]);
  }
  if (closed) g.closePath();
}

function shape(g, points, fill) {
  g.beginPath();
  trace(g, points, { closed: true });
  g.fillStyle = fill;
  g.fill();
}

function stroke(g, points, colour, width, alpha = 1) {
  if (alpha <= 0) return;
  g.save();
  g.globalAlpha *= Math.min(1, alpha);
  g.beginPath();
  trace(g, points);
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.lineCap = g.lineJoin = "round";
  g.stroke();
  g.restore();
}

// A fold of the skin: no line, but a shadow that is darkest in its middle and has no ends.
function crease(g, points, colour, width, alpha) {
  if (alpha <= 0) return;
  const fade = g.createLinearGradient(...points[0], ...points.at(-1));
  for (const [at, strength] of [[0, "00"], [0.3, "d0"], [0.6, "d0"], [1, "00"]]) fade.addColorStop(at, colour + strength);
  for (const [wide, part] of [[3.4, 0.16], [2.1, 0.2], [1.1, 0.26]]) stroke(g, points, fade, wide * width, part * Math.min(1, alpha));
}

// A soft elliptic spot of colour, fading to nothing at its rim.
function glow(g, x, y, rx, ry, colour, alpha) {
  if (alpha <= 0) return;
  g.save();
  g.globalAlpha *= Math.min(1, alpha);
  g.translate(x, y);
  g.scale(rx, ry);
  const fade = g.createRadialGradient(0, 0, 0, 0, 0, 1);
  fade.addColorStop(0, colour);
  fade.addColorStop(0.35, colour + "b0");
  fade.addColorStop(1, colour + "00");
  g.fillStyle = fade;
  g.fillRect(-1, -1, 2, 2);
  g.restore();
}

function vertical(g, top, bottom, ...colours) {
  const gradient = g.createLinearGradient(0, top, 0, bottom);
  colours.forEach((colour, i) => gradient.addColorStop(i / (colours.length - 1), colour));
  return gradient;
}

// The lower face hangs on these few numbers; head, lips, teeth and chin all use them.
function jawOf(c) {
  return { drop: 52 * c.jawOpen, side: 17 * (c.jawLeft - c.jawRight), forward: c.jawForward };
}

function drawHairBehind(g) {
  const back = [[0, -214], [92, -196], [146, -128], [158, -30], [154, 70], [160, 150], [128, 190], [0, 150],
    [-128, 190], [-160, 150], [-154, 70], [-158, -30], [-146, -128], [-92, -196]];
  shape(g, back, vertical(g, -200, 190, HAIR.base, HAIR.deep, HAIR.deep));
}

function drawBody(g, jaw) {
  // Neck and shoulders.
  g.beginPath();
  g.moveTo(-52, 110); g.bezierCurveTo(-50, 190, -54, 214, -92, 226); g.lineTo(-40, 275);
  g.lineTo(40, 275); g.lineTo(92, 226); g.bezierCurveTo(54, 214, 50, 190, 52, 110);
  g.fillStyle = vertical(g, 130, 250, SKIN.deep, SKIN.shade, SKIN.base);
  g.fill();
  g.save();  // the head's shadow on the neck follows the chin
  g.clip();
  glow(g, jaw.side * 0.7, 182 + jaw.drop * 0.9, 96, 50 + 14 * jaw.forward, "#8e4a38", 0.85);
  g.restore();
  shape(g, [[-240, 330], [-214, 262], [-140, 234], [-66, 214], [0, 246], [66, 214], [140, 234], [214, 262], [240, 330]],
    vertical(g, 210, 310, WEAR.light, WEAR.base, WEAR.deep));
  stroke(g, [[-68, 216], [-34, 240], [0, 249], [34, 240], [68, 216]], WEAR.deep, 5, 0.8);
  stroke(g, [[-77, 213], [-40, 247], [0, 260], [40, 247], [77, 213]], WEAR.light, 3, 0.8);
}

function headOutline(c, jaw) {
  const puff = 15 * c.cheekPuff;
  const right = (s) => {
    const smile = s > 0 ? c.mouthSmileLeft : c.mouthSmileRight;
    const wide = 1 + 0.13 * jaw.forward;
    return [
      [s * 74, -168], [s * 122, -112], [s * 131, -40], [s * 126, 22],
      [s * (117 + puff + 3 * smile), 72 + 0.16 * jaw.drop],
      [s * (95 + 0.8 * puff + 3 * c.jawOpen) + 0.45 * jaw.side, 120 + 0.5 * jaw.drop],
      [s * (54 + 0.25 * puff + 5 * c.jawOpen) * wide + 0.9 * jaw.side, 162 + 0.88 * jaw.drop + 4 * jaw.forward],
    ];
  };
  const chin = [jaw.side, 180 + jaw.drop + 8 * jaw.forward - 4 * c.mouthShrugLower];
  return [[0, -184], ...right(1), chin, ...right(-1).reverse()];
}

function drawHead(g, c, jaw, at) {
  at(DEPTH.outline);
  const outline = headOutline(c, jaw);
  const light = g.createRadialGradient(-22, -40, 20, 0, 10, 215);
  light.addColorStop(0, SKIN.light);
  light.addColorStop(0.55, SKIN.base);
  light.addColorStop(0.83, SKIN.shade);
  light.addColorStop(1, SKIN.deep);
  shape(g, outline, light);
  g.save();
  g.beginPath();
  trace(g, outline, { closed: true });
  g.clip();
  at(DEPTH.skin);
  const chinY = 152 + 0.97 * jaw.drop + 6 * jaw.forward - 4 * c.mouthShrugLower;
  glow(g, jaw.side - 4, chinY, 30 + 10 * jaw.forward, 17 + 5 * jaw.forward, SKIN.light, 0.75 + 0.25 * jaw.forward);
  if (jaw.forward > 0) {
    stroke(g, [[jaw.side - 46, chinY - 10], [jaw.side - 34, chinY + 15], [jaw.side, chinY + 22],
      [jaw.side + 34, chinY + 15], [jaw.side + 46, chinY - 10]], SKIN.deep, 2.5, 0.7 * jaw.forward);
  }
  if (c.mouthShrugLower > 0) {  // the chin muscle bunches
    for (const [dx, dy] of [[-11, 4], [0, -2], [11, 4], [-5, 11], [6, 11]]) {
      glow(g, jaw.side + dx, chinY + dy, 5, 4, SKIN.line, 0.6 * c.mouthShrugLower);
    }
  }
  for (const [side, s] of SIDES) {
    const [squint, smile] = [c["cheekSquint" + side], c["mouthSmile" + side]];
    const lift = 15 * squint + 9 * smile;
    const puff = c.cheekPuff;
    glow(g, s * (84 + 6 * puff), 52 - lift + 10 * puff, 42 + 10 * puff, 27 + 14 * puff, "#f0876f", 0.5 + 0.25 * squint);
    if (puff > 0) {
      glow(g, s * 92 - 6, 66, 24, 26, "#fff1e4", 0.8 * puff);
      glow(g, s * 66, 104, 15, 26, SKIN.deep, 0.5 * puff);
    }
    if (squint > 0) {  // the cheek pushes up against the lower lid
      glow(g, s * 76, 34 - 6 * squint, 30, 13, SKIN.light, 0.9 * squint);
      crease(g, [[s * 40, 23], [s * 62, 27 - 4 * squint], [s * 88, 19]], SKIN.deep, 2.4, 0.75 * squint);
    }
    glow(g, s * 60, -22, 48, 34, SKIN.shade, 0.42);  // eye socket
  }
  g.restore();
}

function drawBrows(g, c, at) {
  at(DEPTH.brows);
  const up = c.browInnerUp;
  if (up > 0) {
    crease(g, [[-40, -111], [-14, -117], [14, -117], [40, -111]], SKIN.deep, 2.6, 1.1 * up);
    crease(g, [[-32, -100], [-10, -105], [10, -105], [32, -100]], SKIN.deep, 2.2, up);
  }
  for (const [side, s] of SIDES) {
    const [down, outer] = [c["browDown" + side], c["browOuterUp" + side]];
    const inner = [25 - 6 * down + 2 * up, -67 + 17 * down - 19 * up];
    const middle = [62, -80 + 13 * down - 9 * up - 13 * outer];
    const tip = [101, -62 + 7 * down - 18 * outer];
    g.save();
    at(DEPTH.brows, s);
    g.scale(s, 1);
    if (outer > 0) {
      crease(g, [[47, -102 - 4 * outer], [76, -106 - 4 * outer], [102, -91 - 4 * outer]], SKIN.deep, 2.4, outer);
    }
    if (down > 0) {
      stroke(g, [[8, -72], [11, -61], [9, -50]], SKIN.line, 2.8, 0.75 * down);
      glow(g, 36, -44, 34, 13, SKIN.deep, 0.5 * down);
    }
    shape(g, [[inner[0], inner[1] - 6], [mix(inner[0], middle[0], 0.5), mix(inner[1], middle[1], 0.62) - 6],
      [middle[0], middle[1] - 5], [mix(middle[0], tip[0], 0.55), mix(middle[1], tip[1], 0.42) - 3], tip,
      [mix(middle[0], tip[0], 0.5), mix(middle[1], tip[1], 0.45) + 4], [middle[0] - 2, middle[1] + 6],
      [mix(inner[0], middle[0], 0.45), mix(inner[1], middle[1], 0.5) + 6], [inner[0] + 1, inner[1] + 7]], HAIR.deep);
    g.restore();
  }
}

// One eye, drawn as the subject's left: +x is outwards.
function drawEye(g, c, side, s) {
  const get = (name) => c[name + side];
  const [blink, squint, wide] = [get("eyeBlink"), get("eyeSquint"), get("eyeWide")];
  const [up, down] = [get("eyeLookUp"), get("eyeLookDown")];
  const across = 14 * (get("eyeLookOut") - get("eyeLookIn"));
  const along = 12 * (down - up);
  let lower = 14 + 3 * wide - 10 * squint - 4 * get("cheekSquint") + 3 * down - 1.5 * get("mouthSmile");
  let upper = 28 + 10 * wide - 7 * squint - 12 * down + 4 * up;
  lower = mix(lower, 10 - 3 * squint, blink);
  upper = mix(upper, -lower, blink);

  const lid = (height) => [-1, -0.8, -0.45, 0, 0.45, 0.8, 1].map((t) =>
    [35 * t, 4 - 4.5 * t + height * Math.pow(1 - t * t, 0.72) * (1 - 0.1 * t)]);
  const [top, bottom] = [lid(-upper), lid(lower)];
  g.save();
  g.translate(s * 62, -16);
  g.scale(s, 1);

  // The lid's skin between crease and lashes.
  const above = lid(-Math.max(upper * 0.35 + 27, upper + 6) - 2 * wide).map(([x, y]) => [x * 1.04, y]);
  g.beginPath();
  trace(g, above);
  trace(g, [...top].reverse(), { move: false });
  g.closePath();
  g.fillStyle = vertical(g, -36, 14, "#edae8d", "#f9cfae", "#dd9676");
  g.fill();
  stroke(g, above, SKIN.line, 1.8, 0.6);

  // The eyeball, seen through the opening.
  g.save();
  g.beginPath();
  trace(g, top);
  trace(g, [...bottom].reverse(), { move: false });
  g.closePath();
  g.clip();
  g.fillStyle = vertical(g, -30, 16, "#d5d6e6", "#ffffff", "#f0ecf2");
  g.fillRect(-40, -44, 80, 80);
  glow(g, -33, 6, 7, 7, "#e8938a", 0.8);  // tear duct
  g.translate(across, along - 4);
  const iris = g.createRadialGradient(0, 6, 2, 0, 0, 20);
  iris.addColorStop(0, "#7ff3dc");
  iris.addColorStop(0.45, "#27b5a8");
  iris.addColorStop(0.85, "#0c5a6d");
  iris.addColorStop(1, "#062a3d");
  g.beginPath();
  g.arc(0, 0, 20, 0, 7);
  g.fillStyle = iris;
  g.fill();
  g.beginPath();
  g.arc(0, 0, 9, 0, 7);
  g.fillStyle = "#05101f";
  g.fill();
  g.fillStyle = "#ffffff";
  g.beginPath();
  g.ellipse(-7 * s, -8, 5.5, 6.5, 0, 0, 7);  // both eyes reflect the same lamp
  g.fill();
  g.globalAlpha = 0.7;
  g.beginPath();
  g.arc(8 * s, 8, 3, 0, 7);
  g.fill();
  g.restore();
  // The upper lid's shadow on the ball.
  g.save();
  g.beginPath();
  trace(g, top);
  trace(g, [...bottom].reverse(), { move: false });
  g.closePath();
  g.clip();
  stroke(g, top.map(([x, y]) => [x, y + 3]), "#30284f", 9, 0.3);
  g.restore();

  stroke(g, bottom, SKIN.line, 2, 0.75);
  if (squint > 0) {
    crease(g, [[-22, lower + 10], [0, lower + 13], [24, lower + 8]], SKIN.line, 2.2, 0.85 * squint);
    crease(g, [[40, -3], [48, -6]], SKIN.line, 2, 0.7 * squint);
  }
  // Lashes: a tapered band and three flicks outwards.
  g.beginPath();
  trace(g, top);
  trace(g, top.map(([x, y], i) => [x + (i > 4 ? 1.6 * (i - 4) : 0), y - [0.6, 2.4, 3.6, 4.4, 5, 5, 3.5][i]]).reverse(),
    { move: false });
  g.closePath();
  g.fillStyle = INK;
  g.fill();
  const turn = mix(-1, 0.8, clamp(blink * 1.3 - 0.1, 0, 1));
  for (const [i, length] of [[4, 7], [5, 10], [6, 12]]) {
    const [x, y] = top[i];
    stroke(g, [[x - 2, y - 2], [x + 0.5 * length, y - 2 + 0.25 * turn * length], [x + 0.8 * length, y - 2 + turn * 0.7 * length]],
      INK, 2.6);
  }
  g.restore();
}

function drawNose(g, c) {
  glow(g, -5, 6, 10, 52, SKIN.light, 0.8);
  for (const [side, s] of SIDES) {
    const sneer = c["noseSneer" + side];
    const rise = 9 * sneer;
    glow(g, s * 15, 12, 8, 42, SKIN.shade, s > 0 ? 0.75 : 0.35);
    glow(g, s * 19, 53 - rise, 15, 13, SKIN.deep, 0.45 + 0.3 * sneer);
    if (sneer > 0) {
      crease(g, [[s * 5, 4], [s * 15, -4], [s * 26, -4]], SKIN.line, 2.4, 1.1 * sneer);
      crease(g, [[s * 6, 14], [s * 17, 5], [s * 29, 6]], SKIN.line, 2.4, 1.1 * sneer);
      crease(g, [[s * 27, 41 - rise], [s * 40, 58], [s * 47, 80]], SKIN.line, 2.4, 0.9 * sneer);
    }
    stroke(g, [[s * 21, 44 - rise], [s * (28 + 3 * sneer), 53 - rise], [s * (24 + 2 * sneer), 62 - rise]], SKIN.line, 2.4, 0.8);
    shape(g, [[s * 6, 64 - 0.4 * rise], [s * 12, 60 - rise], [s * 19, 61 - rise], [s * 20, 65 - rise], [s * 12, 66 - 0.8 * rise]],
      "#7d3f35");
  }
  stroke(g, [[-7, 66], [0, 69], [7, 66]], SKIN.line, 2, 0.6);
  glow(g, -4, 48, 15, 13, "#fff3e6", 0.95);
}

// Lips as four curves over t in [-1, 1], −1 at the subject's right corner.
function mouthOf(c, jaw) {
  const both = (name, t) => { const w = smoothstep(-0.3, 0.3, t); return mix(c[name + "Right"], c[name + "Left"], w); };
  const sealed = c.jawOpen > 0 ? Math.min(1, c.mouthClose / c.jawOpen) : 1;  // how far mouthClose undoes the jaw
  const surplus = Math.max(0, c.mouthClose - c.jawOpen);
  const { mouthFunnel: funnel, mouthPucker: pucker, tongueOut: tongue } = c;
  const shiftX = 15 * (c.mouthLeft - c.mouthRight);
  const [topY, lowY] = [0.3 * sealed * jaw.drop, jaw.drop * (1 - 0.7 * sealed)];
  const gap = lowY - topY + 12 * funnel + 9 * tongue;
  const seam = 104 + topY + 8 * surplus - 7 * c.mouthShrugLower - 4 * c.mouthShrugUpper - 5 * funnel;
  const corner = (side, s) => [
    s * (52 + 16 * c["mouthSmile" + side] + 16 * c["mouthStretch" + side] + 6 * c["mouthDimple" + side]
      + 2 * c["mouthPress" + side] - 5 * c["mouthFrown" + side]
      - 17 * funnel - 22 * pucker - 9 * c.jawOpen * (1 - 0.6 * sealed) - 5 * c.cheekPuff) + shiftX,
    seam + 0.42 * gap - 19 * c["mouthSmile" + side] + 17 * c["mouthFrown" + side] + 6 * c["mouthStretch" + side]
      - 3 * c["mouthDimple" + side] + 6 * c.mouthShrugLower,
  ];
  const [right, left] = [corner("Right", -1), corner("Left", 1)];
  const middle = (right[0] + left[0]) / 2 - 0.15 * (right[0] + left[0] - 2 * shiftX);
  const thick = (1 + 0.55 * pucker + 0.3 * funnel - 0.25 * surplus) * (1 - 0.12 * c.jawOpen);
  const tense = (t) => (1 - 0.2 * both("mouthStretch", t) - 0.12 * both("mouthSmile", t)) * (1 - 0.62 * both("mouthPress", t));
  const bow = (t) => Math.pow(1 - t * t, 0.75) * (0.84 + 0.3 * Math.exp(-((Math.abs(t) - 0.3) ** 2) / 0.03));

  const curves = { upperOut: [], upperIn: [], lowerIn: [], lowerOut: [] };
  for (const t of [-1, -0.82, -0.6, -0.3, 0, 0.3, 0.6, 0.82, 1]) {
    const end = t < 0 ? right : left;
    const rim = 1 - t * t;
    const x = middle + (end[0] - middle) * Math.abs(t) + jaw.side * 0.2 * rim;
    const line = mix(seam, end[1], t * t);
    const open = Math.pow(rim, 0.6);
    const raised = (15 * both("mouthUpperUp", t) + 4 * both("noseSneer", t)) * Math.pow(rim, 0.55);
    const lowered = 17 * both("mouthLowerDown", t) * Math.pow(rim, 0.55);
    const upperIn = line - raised - 3 * both("mouthPress", t) * rim;
    const lowerIn = Math.max(upperIn, line + gap * open + lowered - 3 * both("mouthPress", t) * rim);
    const lowerX = x + jaw.side * 0.75 * rim;
    curves.upperIn.push([x, upperIn]);
    curves.lowerIn.push([lowerX, lowerIn]);
    curves.upperOut.push([x, upperIn - 14 * thick * tense(t) * (1 - 0.72 * c.mouthRollUpper) * bow(t)
      - 9 * c.mouthShrugUpper * rim]);
    curves.lowerOut.push([lowerX, lowerIn + 17 * thick * tense(t) * (1 - 0.72 * c.mouthRollLower) * Math.pow(rim, 0.7)
      + (4 * jaw.forward + 3 * c.mouthShrugLower) * rim]);
  }
  return { ...curves, right, left, gap, seam, shiftX };
}

function drawMouth(g, c, jaw) {
  const m = mouthOf(c, jaw);
  const middle = (curve) => curve[4];
  const [lowX, lowY] = middle(m.lowerOut);
  // Folds and shadows around the lips.
  glow(g, lowX, lowY + 9, 30 + 6 * jaw.forward, 9, SKIN.deep, 0.6 + 0.25 * c.mouthShrugLower + 0.2 * c.mouthRollLower);
  stroke(g, [[m.shiftX * 0.4 - 4, 74], [m.shiftX * 0.7 - 5, middle(m.upperOut)[1] - 6]], SKIN.shade, 3, 0.7);
  stroke(g, [[m.shiftX * 0.4 + 4, 74], [m.shiftX * 0.7 + 5, middle(m.upperOut)[1] - 6]], SKIN.shade, 3, 0.7);
  for (const [side, s] of SIDES) {
    const [x, y] = s > 0 ? m.left : m.right;
    const get = (name) => c[name + side];
    glow(g, x + 5 * s, y, 12, 10, SKIN.deep, 0.55);
    const fold = get("mouthSmile") + 0.35 * get("mouthUpperUp") + 0.3 * get("mouthStretch");
    crease(g, [[s * 39, 64], [mix(s * 38, x + 14 * s, 0.6), mix(62, y + 6, 0.38)], [x + 17 * s, y + 9]], SKIN.deep, 3.2, 0.8 * fold);
    crease(g, [[x + 3 * s, y + 3], [x + 9 * s, y + 9], [x + 12 * s, y + 22]], SKIN.line, 2.6, 0.8 * get("mouthFrown"));
    if (get("mouthDimple") > 0) {
      glow(g, x + 15 * s, y - 2, 9, 13, SKIN.line, 0.75 * get("mouthDimple"));
      crease(g, [[x + 11 * s, y - 14], [x + 17 * s, y - 2], [x + 11 * s, y + 11]], SKIN.line, 3, 1.4 * get("mouthDimple"));
    }
    if (get("mouthPress") > 0) {
      crease(g, [[x + 3 * s, y - 11], [x + 7 * s, y], [x + 3 * s, y + 11]], SKIN.line, 2.6, 1.4 * get("mouthPress"));
      glow(g, x - 16 * s, y + 15, 16, 6, SKIN.light, get("mouthPress"));
    }
    if (get("mouthStretch") > 0) {
      crease(g, [[x + 4 * s, y + 10], [x + s, y + 30]], SKIN.line, 2.4, 1.2 * get("mouthStretch") ** 2);
      crease(g, [[x + 12 * s, y + 6], [x + 12 * s, y + 26]], SKIN.line, 2.4, 0.9 * get("mouthStretch") ** 2);
    }
  }
  if (c.mouthPucker > 0) {  // the skin gathers around pursed lips
    for (const [side, s] of SIDES) {
      const [x, y] = side === "Left" ? m.left : m.right;
      for (const [dx, dy] of [[12, -12], [15, 1], [12, 13]]) {
        crease(g, [[x + 3 * s, y + 0.4 * dy], [x + (dx + 3) * s, y + 1.1 * dy]], SKIN.line, 2, 0.6 * c.mouthPucker);
      }
    }
  }

  // What is behind the lips: teeth hang on the skull and on the jaw, not on the lips.
  g.save();
  g.beginPath();
  trace(g, m.upperIn);
  trace(g, [...m.lowerIn].reverse(), { move: false });
  g.closePath();
  g.fillStyle = vertical(g, 100, 104 + jaw.drop + 10, "#5c1626", "#2b0a16");
  g.fill();
  g.clip();
  const tongueY = 104 + 0.62 * jaw.drop + 6;
  shape(g, [[-26 + jaw.side, tongueY + 34], [-24 + jaw.side, tongueY + 8], [-10 + jaw.side, tongueY], [jaw.side, tongueY + 2],
    [10 + jaw.side, tongueY], [24 + jaw.side, tongueY + 8], [26 + jaw.side, tongueY + 34]], vertical(g, tongueY, tongueY + 30, "#e8808a", "#b84a5c"));
  teeth(g, 0, 88, 113, 48, 10);
  teeth(g, jaw.side, 122 + jaw.drop, 98 + jaw.drop, 42, 8);
  for (const [x] of [m.left, m.right]) glow(g, x, m.seam + 0.42 * m.gap, 26, 30, "#2b0a16", 0.9);
  stroke(g, m.upperIn.map(([x, y]) => [x, y + 3]), "#240510", 8, 0.35);
  g.restore();

  lip(g, m.upperOut, m.upperIn, vertical(g, middle(m.upperOut)[1], middle(m.upperIn)[1], "#d26a6c", LIPS.upper, "#a83f4c"));
  lip(g, m.lowerIn, m.lowerOut, vertical(g, middle(m.lowerIn)[1], lowY, "#c25a62", LIPS.lower, "#cf6468"));
  const body = lowY - middle(m.lowerIn)[1];
  glow(g, lowX - 5, middle(m.lowerIn)[1] + 0.5 * body, 15, Math.max(2, 0.34 * body), "#fff0ea", 0.75 * Math.min(1, body / 14));
  const brow = middle(m.upperIn)[1] - middle(m.upperOut)[1];
  if (brow > 12) glow(g, m.shiftX - 4, middle(m.upperOut)[1] + 0.5 * brow, 11, 0.25 * brow, "#fff0ea", (brow - 12) / 12);
  stroke(g, m.upperIn, LIPS.line, 2.6, 0.9);
  stroke(g, m.lowerIn, LIPS.line, 1.6, m.gap > 1 ? 0.6 : 0);
  if (c.tongueOut > 0) drawTongue(g, c.tongueOut, middle(m.upperIn)[0] + jaw.side * 0.7, middle(m.upperIn)[1], middle(m.lowerIn)[1]);
}

function lip(g, upper, lower, fill) {
  g.beginPath();
  trace(g, upper);
  trace(g, [...lower].reverse(), { move: false });
  g.closePath();
  g.fillStyle = fill;
  g.fill();
}

function teeth(g, x, root, edge, half, width) {
  const bend = edge > root ? 5 : -3;
  g.beginPath();
  g.moveTo(x - half, root);
  g.lineTo(x - half, edge - bend);
  g.quadraticCurveTo(x, edge + bend * 0.7, x + half, edge - bend);
  g.lineTo(x + half, root);
  g.closePath();
  g.fillStyle = "#fffaf2";
  g.fill();
  g.strokeStyle = "#d9c9c4";
  g.lineWidth = 1;
  g.beginPath();
  for (let i = -3; i <= 3; i++) {
    g.moveTo(x + i * width, root);
    g.lineTo(x + i * width, edge + bend * (0.3 - 0.14 * Math.abs(i)));
  }
  g.stroke();
}

function drawTongue(g, out, x, palateY, lipY) {
  // It comes from behind the lower lip: a trace of the coefficient is a trace of tongue.
  const end = lipY + 34 * out, top = mix(lipY, palateY, Math.min(1, 5 * out));
  shape(g, [[x - 17, top + 4], [x - 19, mix(lipY, end, 0.5)], [x - 12, end - 3], [x, end], [x + 12, end - 3],
    [x + 19, mix(lipY, end, 0.5)], [x + 17, top + 4], [x, top + 1]], vertical(g, top, end, "#b84a5c", "#ee8d95", "#e0717d"));
  stroke(g, [[x, top + 6], [x, mix(lipY, end, 0.6)]], "#a83f52", 2.2, 0.7 * out);
}

function drawFringe(g) {
  const sheen = g.createLinearGradient(-120, -200, 120, -60);
  sheen.addColorStop(0, HAIR.base);
  sheen.addColorStop(0.4, HAIR.light);
  sheen.addColorStop(0.6, HAIR.base);
  sheen.addColorStop(1, HAIR.deep);
  g.fillStyle = sheen;
  g.beginPath();
  g.moveTo(-136, 44);
  g.bezierCurveTo(-164, -40, -168, -150, -84, -198);
  g.bezierCurveTo(-30, -226, 52, -222, 96, -190);
  g.bezierCurveTo(164, -146, 166, -40, 137, 46);
  g.bezierCurveTo(128, 10, 130, -40, 112, -84);
  g.bezierCurveTo(96, -112, 66, -126, 34, -150);
  g.bezierCurveTo(44, -130, 46, -124, 60, -114);
  g.bezierCurveTo(14, -122, -14, -138, -30, -158);
  g.bezierCurveTo(-40, -130, -70, -112, -104, -98);
  g.bezierCurveTo(-126, -56, -128, 6, -136, 44);
  g.fill();
  stroke(g, [[-30, -158], [-22, -182], [4, -203]], HAIR.deep, 3, 0.5);
  stroke(g, [[-118, -80], [-114, -130], [-70, -178]], HAIR.deep, 3, 0.35);
  stroke(g, [[118, -70], [122, -120], [84, -172]], HAIR.deep, 3, 0.4);
  stroke(g, [[-92, -152], [-60, -184], [-20, -200]], "#b9b2ff", 5, 0.5);
  stroke(g, [[34, -194], [74, -180], [104, -150]], "#b9b2ff", 4, 0.35);
}

// How far out of the plane of the neck each part lies: what is nearer moves more when the head turns.
const DEPTH = { hairBehind: -45, outline: 24, fringe: 44, skin: 70, eyes: 80, mouth: 84, brows: 88, nose: 104 };
const NECK = [0, 150];
const MOST = 0.6;  // radians; a flat face cannot turn further
const SLOPE = 0.35;  // radians by which eyes and brows look outwards: the farther one narrows, the nearer one widens

// at(depth, side): from here on draw at that depth of the turned head; at(): without the head's turn.
function turned(g, [yaw, pitch, roll]) {
  const base = g.getTransform();
  const [y, p, r] = [yaw, pitch, roll].map((angle) => clamp(angle || 0, -MOST, MOST));
  const [cy, sy, cp, sp, cr, sr] = [Math.cos(y), Math.sin(y), Math.cos(p), Math.sin(p), Math.cos(r), Math.sin(r)];
  // Axes of the frame: x to the subject's left, y up, z out of the face. First roll, then pitch, then yaw; two rows of it.
  const row = [[cy * cr + sy * sp * sr, -cy * sr + sy * sp * cr, sy * cp], [cp * sr, cp * cr, -sp]];
  return (depth, side = 0) => {
    g.setTransform(base);
    if (depth === undefined) return;
    const narrow = side ? Math.cos(y + side * SLOPE) / Math.cos(SLOPE) : 1;
    g.translate(NECK[0] + row[0][2] * depth, NECK[1] - row[1][2] * depth);
    g.transform(row[0][0], -row[1][0], -row[0][1], row[1][1], 0, 0);
    if (side) { g.translate(side * 62, 0); g.scale(narrow, 1); g.translate(-side * 62, 0); }
    g.translate(-NECK[0], -NECK[1]);
  };
}

/**
 * Draw the face over the whole canvas; what is not the face stays transparent.
 *
 * pose: ARKit name → value in [0, 1]; absent names rest. width, height: of the canvas, pixels.
 * head: yaw, pitch, roll in radians; positive turns to the subject's left (the viewer's right), looks down, tilts to the
 * subject's right.
 */
export function drawFace(g, pose, width, height, head = [0, 0, 0]) {
  const c = new Proxy(pose, { get: (target, name) => target[name] ?? 0 });
  const jaw = jawOf(c);
  g.save();
  g.clearRect(0, 0, width, height);
  const scale = Math.min(width / VIEW.width, height / VIEW.height);
  g.translate(width / 2 + (VIEW.x - VIEW.width / 2) * scale, (height - VIEW.height * scale) / 2 + VIEW.y * scale);
  g.scale(scale, scale);
  const at = turned(g, head);
  at(DEPTH.hairBehind);
  drawHairBehind(g);
  at();
  drawBody(g, jaw);
  drawHead(g, c, jaw, at);
  at(DEPTH.nose);
  drawNose(g, c);
  at(DEPTH.mouth);
  drawMouth(g, c, jaw);
  for (const [side, s] of SIDES) { at(DEPTH.eyes, s); drawEye(g, c, side, s); }
  at(DEPTH.fringe);
  drawFringe(g);
  drawBrows(g, c, at);
  g.restore();
}

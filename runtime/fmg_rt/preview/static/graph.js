// The last ten seconds as curves, one lane each, which can be paused and looked at.

const SECONDS = 10;
const MOST = 1500;  // points kept: ten seconds at 120 a second, and some

export class Graph {
  paused = false;
  lanes = [];  // [{ name, colour (a CSS variable), low, high }]; values come in the same order
  #canvas; #points = []; #frozen = null; #pointer = null;

  constructor(canvas) {
    this.#canvas = canvas;
    canvas.onpointermove = (event) => { this.#pointer = event.offsetX / canvas.clientWidth; };
    canvas.onpointerleave = () => { this.#pointer = null; };
  }

  /** One moment: its time in seconds, a value for each lane, and a note for the last lane. */
  add(time, values, note) {
    const last = this.#points.at(-1);
    if (last && time <= last.time) this.#points = time < last.time - 0.5 ? [] : this.#points.filter((p) => p.time < time);
    this.#points.push({ time, values, note });
    if (this.#points.length > MOST) this.#points.splice(0, this.#points.length - MOST);
  }

  pause(on) {
    this.paused = on;
    this.#frozen = on ? [...this.#points] : null;
  }

  draw() {
    const canvas = this.#canvas, ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext("2d"), style = getComputedStyle(canvas);
    const points = this.#frozen ?? this.#points, end = points.at(-1)?.time ?? 0;
    const first = points.findIndex((p) => p.time >= end - SECONDS);
    const visible = first > 0 ? points.slice(first - 1) : points;
    const x = (time) => width * (1 - (end - time) / SECONDS);
    const under = this.#pointer === null ? points.at(-1)
      : visible.reduce((best, p) => Math.abs(x(p.time) / width - this.#pointer) < Math.abs(x(best.time) / width - this.#pointer) ? p : best, visible[0]);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "top";
    const lane = height / this.lanes.length;
    this.lanes.forEach(({ name, colour, low, high }, i) => {
      const top = i * lane + 3, bottom = (i + 1) * lane - 3;
      const y = (value) => bottom - (bottom - top) * Math.min(1, Math.max(0, (value - low) / (high - low)));
      g.strokeStyle = style.getPropertyValue("--line");
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(0, y(0)); g.lineTo(width, y(0));
      g.stroke();
      const hue = style.getPropertyValue(colour);
      if (visible.length > 1) {
        g.beginPath();
        visible.forEach((p, k) => k ? g.lineTo(x(p.time), y(p.values[i])) : g.moveTo(x(p.time), y(p.values[i])));
        g.strokeStyle = hue;
        g.lineWidth = 1.6;
        g.stroke();
        g.lineTo(x(visible.at(-1).time), y(0)); g.lineTo(x(visible[0].time), y(0));
        g.globalAlpha = 0.18;
        g.fillStyle = hue;
        g.fill();
        g.globalAlpha = 1;
      }
      if (!under) return;
      const value = `${Math.round(100 * under.values[i])}`, note = i === this.lanes.length - 1 && under.note ? ` ${under.note}` : "";
      g.fillStyle = style.getPropertyValue("--ink");
      g.fillText(`${name} ${value}${note}`, 4, top);
    });
    if (this.#pointer !== null && under) {
      g.fillStyle = style.getPropertyValue("--soft");
      g.fillRect(x(under.time), 0, 1, height);
    }
  }
}

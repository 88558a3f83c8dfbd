// A face for a voice: sends audio to fmg-rt serve, plays it, and knows the face of what is heard at this moment.
// An ES module without dependencies. The protocol is described in docs/service/websocket.md.

const VERSION = 1;
const HEAD = 3;
const LEAD = 0.12;          // s from the first audio of an utterance to its sound: time for its first frames to come
const REST = 0.15;          // s in which a face goes to rest after an interruption
const AFTER = 0.3;          // s in which it goes to rest after the end of an utterance
const PING = 15_000;        // ms

const smoothstep = (x) => { const t = Math.min(1, Math.max(0, x)); return t * t * (3 - 2 * t); };

/** Float32 samples in [-1, 1] as the bytes of int16. */
export function toInt16(samples) {
  const data = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) data[i] = Math.max(-32768, Math.min(32767, Math.round(32768 * samples[i])));
  return data;
}

export class FaceClient {
  #socket = null;
  #played = new Map();      // number of an utterance → { pieces, frames, length, ended }
  #current = 0;             // the utterance that `speak` adds to
  #free = 0;                // context time from which on nothing is scheduled
  #sources = new Set();
  #newest = null;           // the newest frame of a microphone
  #from = null;             // { pose, at } of an interruption
  #shown;
  #microphone = null;
  #timer = 0;

  /**
   * url: of the stream, such as "ws://127.0.0.1:8080/v1/stream". context: an AudioContext. options: more for `start`, such as
   * { settings: { mouth: 1.2 } }. sampleRate: of what `speak` takes, Hz; the context's own by default. token: the server's.
   */
  constructor(url, context, { token = "", sampleRate = context.sampleRate, options = {} } = {}) {
    Object.assign(this, { context, sampleRate, options, names: [], rate: 30, onclose: () => {} });
    this.url = token ? `${url}?token=${encodeURIComponent(token)}` : url;
  }

  /** Connect; resolves when the server is ready, rejects with its reason when it refuses. */
  open() {
    return new Promise((resolve, reject) => {
      const socket = this.#socket = new WebSocket(this.url);
      let reason = "the connection was closed";
      socket.binaryType = "arraybuffer";
      socket.onopen = () => this.#say({ type: "start", version: VERSION, sample_rate: this.sampleRate, frames: "packed", ...this.options });
      socket.onmessage = ({ data }) => {
        if (typeof data !== "string") return this.#frames(data);
        const message = JSON.parse(data);
        if (message.type === "ready") {
          this.names = message.names;
          this.rate = message.rate;
          this.#shown = new Float32Array(message.names.length + HEAD);
          this.#timer = setInterval(() => this.#say({ type: "ping" }), PING);
          resolve(this);
        }
        if (message.type === "error") reason = message.message;
      };
      socket.onclose = () => { clearInterval(this.#timer); reject(new Error(reason)); this.onclose(reason); };
    });
  }

  /** Add (n,) Float32Array to the utterance: it is heard after what was added before, and its face with it. */
  speak(samples) {
    this.#socket.send(toInt16(samples));
    let utterance = this.#played.get(this.#current);
    if (!utterance) this.#played.set(this.#current, utterance = { pieces: [], frames: [], length: 0, ended: false });
    const buffer = this.context.createBuffer(1, samples.length, this.sampleRate);
    buffer.copyToChannel(samples, 0);
    const soon = this.context.currentTime + (utterance.pieces.length ? 0.01 : LEAD);
    const at = Math.max(soon, this.#free);
    this.#free = at + buffer.duration;
    utterance.pieces.push({ at, from: utterance.length });
    utterance.length += buffer.duration;
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.output ?? this.context.destination);
    source.onended = () => this.#sources.delete(source);
    source.start(at);
    this.#sources.add(source);
  }

  /** The utterance is complete; the next `speak` begins another one. */
  end() {
    this.#say({ type: "end" });
    const utterance = this.#played.get(this.#current++);
    if (utterance) utterance.ended = true;
  }

  /** Be silent now; the face goes to rest without a jump. */
  interrupt() {
    this.#from = { pose: this.pose().slice(), at: performance.now() };
    for (const source of this.#sources) source.stop();
    this.#sources.clear();
    this.#played.clear();
    this.#newest = null;
    this.#free = 0;
    this.#current++;
    this.#say({ type: "interrupt" });
  }

  /** Show the face of a microphone's voice as it comes, until `mute`. stream: of getUserMedia. */
  async listen(stream) {
    await this.context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    const source = this.context.createMediaStreamSource(stream);
    source.connect(node);
    node.port.onmessage = ({ data }) => { if (this.ready) this.#socket.send(toInt16(data)); };
    this.#microphone = { node, source, stream };
  }

  /** End the microphone's utterance. */
  mute() {
    if (!this.#microphone) return;
    const { node, source, stream } = this.#microphone;
    this.#microphone = null;
    source.disconnect();
    node.port.onmessage = null;
    for (const track of stream.getTracks()) track.stop();
    this.interrupt();
  }

  get ready() { return this.#socket?.readyState === WebSocket.OPEN && this.names.length > 0; }

  /** Whether anything is to be heard, or will be. */
  get speaking() { return this.#sources.size > 0; }

  close() { this.#socket?.close(1000); }

  /** Context time of the sound that leaves the loudspeaker now, s. */
  heard() {
    const stamp = this.context.getOutputTimestamp?.();
    const now = this.context.currentTime;
    if (stamp?.performanceTime > 0) {
      const time = stamp.contextTime + (performance.now() - stamp.performanceTime) / 1000;
      if (Math.abs(time - now) < 0.5) return Math.min(time, now);
    }
    return now - (this.context.outputLatency || 0);
  }

  /** The face of what is heard now: (55,) Float32Array, 52 coefficients in the order of `names`, then yaw, pitch and roll. */
  pose() {
    const out = this.#shown;
    if (this.#from) {
      const share = 1 - smoothstep((performance.now() - this.#from.at) / 1000 / REST);
      if (share > 0) return this.#scaled(this.#from.pose, share);
      this.#from = null;
    }
    if (this.#microphone) return this.#newest ? (out.set(this.#newest), out) : out.fill(0);
    const now = this.heard();
    for (const [number, utterance] of this.#played) {
      const piece = utterance.pieces.findLast(({ at }) => at <= now);
      if (!piece) break;                                   // not yet
      const time = piece.from + (now - piece.at);
      if (utterance.ended && time > utterance.length + AFTER) { this.#played.delete(number); continue; }
      return this.#at(utterance, Math.min(time, utterance.length), time - utterance.length);
    }
    return out.fill(0);
  }

  /** The same as drawFace and an avatar's draw take it: { pose: { jawOpen: 0.4, … }, head: [yaw, pitch, roll] }. */
  face() {
    const values = this.pose(), n = this.names.length;
    return { pose: Object.fromEntries(this.names.map((name, i) => [name, values[i]])), head: [...values.subarray(n)] };
  }

  // The face at a time of an utterance, between the two nearest frames; after its end it goes to rest.
  #at({ frames }, time, after) {
    if (!frames.length) return this.#shown.fill(0);
    const x = Math.min(time * this.rate, frames.length - 1), k = Math.floor(x), share = x - k;
    const [a, b] = [frames[k], frames[Math.min(k + 1, frames.length - 1)]];
    if (!a || !b) return this.#shown;
    for (let i = 0; i < a.length; i++) this.#shown[i] = a[i] + share * (b[i] - a[i]);
    return after > 0 ? this.#scaled(this.#shown, 1 - smoothstep(after / AFTER)) : this.#shown;
  }

  #scaled(pose, share) {
    for (let i = 0; i < pose.length; i++) this.#shown[i] = share * pose[i];
    return this.#shown;
  }

  #frames(data) {
    const size = 8 + 4 * (this.names.length + HEAD);
    for (let at = 0; at < data.byteLength; at += size) {
      const [number, index] = new Uint32Array(data, at, 2);
      const values = new Float32Array(data, at + 8, this.names.length + HEAD);
      if (this.#microphone) this.#newest = values;
      else this.#played.get(number)?.frames.splice(index, 1, values);
    }
  }

  #say(message) { if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message)); }
}

// The sound that the face is made from, in step with it: both follow the clock of the AudioContext.

const RATE = 16000;   // Hz
const LEAD = 0.2;     // seconds from a sound's arrival to its turn: longer than frames come after their sound
const LONGEST = 1.0;  // a sound that would wait longer belongs to another time line

export class Sound {
  #context = null;
  #socket = null;
  #base = null;   // on the context's clock: when the sample of time 0 sounds
  #end = 0;       // on the context's clock: when what came so far has sounded
  #gain = null;

  get on() { return this.#socket !== null; }

  /** Begin to play; browsers allow it only in answer to a click. */
  start() {
    this.#context ??= new AudioContext({ sampleRate: RATE });  // at the sound's own rate blocks join without a seam
    this.#context.resume();
    this.#gain = this.#context.createGain();
    this.#gain.connect(this.#context.destination);
    this.#base = null;
    this.#socket = new WebSocket(`ws://${location.host}/sound`);
    this.#socket.binaryType = "arraybuffer";
    const socket = this.#socket;
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = () => { if (this.#socket === socket) this.stop(); };
  }

  stop() {
    this.#socket?.close();
    this.#socket = null;
    this.#gain?.disconnect();  // what is scheduled already is heard no more
    this.#context?.suspend();
  }

  /** The time, in seconds of the frames, that is heard now; null while nothing sounds. */
  get now() {
    if (!this.on || this.#base === null || this.#context.state !== "running") return null;
    const { contextTime, performanceTime } = this.#context.getOutputTimestamp?.() ?? { contextTime: 0 };
    const heard = contextTime > 0 ? contextTime + (performance.now() - performanceTime) / 1000
      : this.#context.currentTime - (this.#context.outputLatency || 0);
    return heard < this.#end + LEAD ? heard - this.#base : null;
  }

  // A message: two uint32 (kind, sample rate), the time of its first sample (float64), int16 samples.
  #take(data) {
    const time = new DataView(data).getFloat64(8, true);
    const samples = new Int16Array(data, 16);
    const context = this.#context, now = context.currentTime;
    if (context.state !== "running") return;
    if (this.#base === null || this.#base + time < now || this.#base + time > now + LONGEST) this.#base = now + LEAD - time;
    const buffer = context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(Float32Array.from(samples, (value) => value / 32768), 0);
    const player = context.createBufferSource();
    player.buffer = buffer;
    player.connect(this.#gain);
    player.start(this.#base + time);
    this.#end = this.#base + time + buffer.duration;
  }
}

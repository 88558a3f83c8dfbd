// Hands a microphone's samples to the page in blocks of 20 ms.
registerProcessor("capture", class extends AudioWorkletProcessor {
  #block = new Float32Array(Math.round(sampleRate / 50));
  #filled = 0;

  process([channels]) {
    const samples = channels[0] ?? [];
    for (let i = 0; i < samples.length; i++) {
      this.#block[this.#filled++] = samples[i];
      if (this.#filled === this.#block.length) {
        this.port.postMessage(this.#block);
        this.#filled = 0;
      }
    }
    return true;
  }
});

// What runs on the browser's audio thread: the microphone becomes 16 kHz frames, and the voice that arrives is played.

// Windowed-sinc resampling from one rate to another, between any two samples: a table of filters, each for a place
// between them. Everything above the lower rate's half is taken out, so that nothing folds back.
class Sinc {
  constructor(from, to) {
    this.step = from / to;
    const share = Math.min(1, to / from) * 0.94;
    this.half = Math.ceil(16 / share);
    this.taps = 2 * this.half;
    this.table = new Float32Array((Sinc.PHASES + 1) * this.taps);
    for (let phase = 0; phase <= Sinc.PHASES; phase += 1) this.design(phase, share);
  }

  design(phase, share) {
    const filter = this.table.subarray(phase * this.taps, (phase + 1) * this.taps);
    let sum = 0;
    for (let tap = 0; tap < this.taps; tap += 1) {
      const at = tap - this.half + 1 - phase / Sinc.PHASES;
      const inside = 1 - (at / this.half) ** 2;
      const window = inside > 0 ? Sinc.bessel(8 * Math.sqrt(inside)) : 0;
      const turn = Math.PI * at * share;
      sum += filter[tap] = window * (Math.abs(turn) < 1e-9 ? 1 : Math.sin(turn) / turn);
    }
    for (let tap = 0; tap < this.taps; tap += 1) filter[tap] /= sum;
  }

  // The modified Bessel function of order 0, for Kaiser's window.
  static bessel(x) {
    let sum = 1;
    for (let term = 1, k = 1; term > 1e-9 * sum; k += 1) sum += term *= (x / 2 / k) ** 2;
    return sum;
  }

  // The value at `position` of a ring of samples whose length is `mask + 1`.
  at(ring, mask, position) {
    const whole = Math.floor(position);
    const place = (position - whole) * Sinc.PHASES;
    const phase = Math.floor(place);
    const lower = phase * this.taps;
    const upper = lower + this.taps;
    let low = 0;
    let high = 0;
    for (let tap = 0, index = whole - this.half + 1; tap < this.taps; tap += 1, index += 1) {
      const sample = ring[index & mask];
      low += sample * this.table[lower + tap];
      high += sample * this.table[phase < Sinc.PHASES ? upper + tap : lower + tap];
    }
    return low + (high - low) * (place - phase);
  }
}
Sinc.PHASES = 128;

// Gives { frame: ArrayBuffer of PCM16, level: RMS from 0 to 1 } every 20 ms, whether or not somebody speaks.
class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.sinc = new Sinc(sampleRate, rate);
    this.ring = new Float32Array(8192);
    this.written = 0;
    this.next = 0;
    this.size = rate / 50;
    this.frame = new Int16Array(this.size);
    this.filled = 0;
    this.power = 0;
  }

  process([input]) {
    const heard = input?.[0];
    // A track that is muted or not yet open gives no channel at all; the clock of the conversation goes on.
    for (let index = 0; index < 128; index += 1) this.ring[(this.written + index) & 8191] = heard ? heard[index] : 0;
    this.written += 128;
    while (this.next + this.sinc.half < this.written) {
      this.put(this.sinc.at(this.ring, 8191, this.next));
      this.next += this.sinc.step;
    }
    return true;
  }

  put(sample) {
    const kept = Math.max(-1, Math.min(1, sample));
    this.power += kept * kept;
    this.frame[this.filled] = Math.round(kept * 32767);
    this.filled += 1;
    if (this.filled < this.size) return;
    const frame = this.frame.buffer;
    this.port.postMessage({ frame, level: Math.sqrt(this.power / this.size) }, [frame]);
    this.frame = new Int16Array(this.size);
    this.filled = this.power = 0;
  }
}

// Plays PCM16 of its own rate by position, from a ring. Positions are samples since the session began; a run of them
// may begin elsewhere than the last one ended. Tells { why, position, level, playing, left, delay } where `position` counts
// exactly what was given to the loudspeaker, and `why` is drop, hold, go, dry or, every 40 ms, empty.
class Player extends AudioWorkletProcessor {
  constructor({ processorOptions: { rate } }) {
    super();
    this.rate = rate;
    this.sinc = new Sinc(rate, sampleRate);
    this.mask = 2 ** 20 - 1;
    this.ring = new Float32Array(this.mask + 1);
    this.read = this.end = 0;
    this.jumps = [];
    this.going = this.held = this.dropping = false;
    this.gain = 0;
    // 4 ms: short enough to be at once, long enough not to click.
    this.fade = 0.004 * rate;
    this.slope = 1 / (0.004 * sampleRate);
    this.delay = Player.FIRST_DELAY;
    this.waited = this.calm = this.power = this.silent = 0;
    this.reported = 0;
    this.port.onmessage = ({ data }) => this.told(data);
  }

  told(data) {
    if (data.samples) this.add(new Int16Array(data.samples));
    else if (data.at !== undefined) this.jump(data.at);
    else if (data.hold) this.held = true;
    else if (data.go) this.held = false;
    else if (data.drop) {
      this.dropping = true;
      if (this.gain <= 0) this.emptied();
    }
    if (data.go || (data.hold && this.gain <= 0)) this.tell(data.hold ? "hold" : "go");
  }

  add(samples) {
    if (this.dropping) this.emptied();
    // Silence of under half a second in the middle of a run is a network that was late.
    if (!this.going && this.silent > 0 && this.silent < 0.5 * sampleRate) {
      this.delay = Math.min(Player.MOST_DELAY, this.delay * 1.5);
      this.calm = 0;
    }
    this.silent = 0;
    for (let index = 0; index < samples.length; index += 1) this.ring[(this.end + index) & this.mask] = samples[index] / 32768;
    this.end += samples.length;
    // What the filter looks at beyond the end is silence, not what the ring held a minute ago.
    for (let index = 0; index < this.sinc.taps; index += 1) this.ring[(this.end + index) & this.mask] = 0;
  }

  // The next samples belong at `position`: further on, or again from where the house has gone back to.
  jump(position) {
    if (this.dropping) this.emptied();
    if (position === this.end) return;
    if (position > this.end) {
      // What the filter sees before the first sample is silence too.
      const between = Math.min(this.sinc.taps, position - this.end);
      for (let index = 1; index <= between; index += 1) this.ring[(position - index) & this.mask] = 0;
      if (this.read >= this.end) this.read = position;
      else this.jumps.push({ from: this.end, to: position });
    } else {
      this.jumps = this.jumps.filter((jump) => jump.to <= position);
      if (position < this.read) this.read = position;
    }
    this.end = position;
    this.silent = 0;
  }

  emptied() {
    const position = Math.floor(this.read);
    this.dropping = this.held = this.going = false;
    this.gain = this.waited = this.silent = 0;
    this.read = this.end;
    this.jumps = [];
    this.tell("drop", position);
  }

  edge() { return this.jumps.length ? this.jumps[0].from : this.end; }

  wait(length) {
    const left = this.edge() - this.read;
    if (this.going || this.held || left <= 0) {
      if (!this.going && left <= 0 && this.silent) this.silent += length;
      return;
    }
    this.waited += length;
    this.going = left >= this.delay * this.rate || this.waited >= this.delay * sampleRate;
    if (this.going) this.waited = 0;
  }

  process(_, [[out]]) {
    this.wait(out.length);
    for (let index = 0; index < out.length; index += 1) {
      out[index] = this.sample();
      this.power += out[index] ** 2;
    }
    this.reported += out.length;
    if (this.reported >= 0.04 * sampleRate) this.tell("");
    if (this.going && !this.held) this.grow(out.length);
    return true;
  }

  sample() {
    if (this.gain <= 0 && (this.held || this.dropping || !this.going)) return 0;
    const left = this.edge() - this.read;
    const goal = !this.held && !this.dropping && left > this.fade ? 1 : 0;
    const before = this.gain;
    this.gain = Math.max(0, Math.min(1, this.gain + Math.max(-this.slope, Math.min(this.slope, goal - this.gain))));
    const value = this.gain * this.sinc.at(this.ring, this.mask, this.read);
    this.read += this.sinc.step;
    if (this.read >= this.edge()) this.over();
    if (before > 0 && this.gain <= 0) {
      if (this.dropping) this.emptied();
      else if (this.held) this.tell("hold");
    }
    return value;
  }

  over() {
    const next = this.jumps.shift();
    this.read = next ? next.to : this.end;
    if (next) return;
    this.going = false;
    this.gain = 0;
    this.silent = 1;
    if (this.dropping) this.emptied();
    else this.tell("dry");
  }

  grow(length) {
    this.calm += length;
    if (this.calm < 10 * sampleRate) return;
    this.calm = 0;
    this.delay = Math.max(Player.LEAST_DELAY, this.delay * 0.9);
  }

  tell(why, position = Math.floor(this.read)) {
    const level = Math.sqrt(this.power / Math.max(1, this.reported));
    this.reported = this.power = 0;
    this.port.postMessage({ why, position, level, playing: this.going && !this.held, left: this.end - this.read, delay: this.delay });
  }
}
Player.FIRST_DELAY = 0.1;
Player.LEAST_DELAY = 0.06;
Player.MOST_DELAY = 0.4;

registerProcessor("voiceforge-capture", Capture);
registerProcessor("voiceforge-player", Player);

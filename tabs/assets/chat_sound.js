// The two ends of the sound: a microphone that gives frames, and a voice that can be held and dropped at once.
const HEARD_RATE = 16000;
const SPOKEN_RATE = 24000;

function soundOf({ frame, report }) {
  let context = null;
  let opening = null;
  let player = null;
  let track = null;
  let capture = null;
  let silent = false;

  // Browsers let a page make sound only from a click on, so the context is made by the first one.
  async function load() {
    context = new AudioContext({ latencyHint: "interactive" });
    const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
    await context.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
    player = new AudioWorkletNode(context, "voiceforge-player", {
      numberOfInputs: 0, outputChannelCount: [1], processorOptions: { rate: SPOKEN_RATE },
    });
    player.port.onmessage = ({ data }) => report(data);
    player.connect(context.destination);
  }

  async function ready() {
    await (opening ??= load());
    if (context.state !== "running") await context.resume();
  }

  async function listen(rate) {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
    await ready();
    track = stream.getAudioTracks()[0];
    track.enabled = !silent;
    capture = new AudioWorkletNode(context, "voiceforge-capture", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit", processorOptions: { rate },
    });
    capture.port.onmessage = ({ data }) => frame(data);
    capture.source = context.createMediaStreamSource(stream);
    capture.source.connect(capture);
    return track;
  }

  function deaf() {
    capture?.source.disconnect();
    if (capture) capture.port.onmessage = null;
    track?.stop();
    track = capture = null;
  }

  return {
    ready, listen, deaf,
    get latency() { return context ? (context.outputLatency || context.baseLatency || 0) : 0; },
    // A silenced microphone gives zeros: nothing said is sent, and the clock goes on.
    silence(wanted) {
      silent = wanted;
      if (track) track.enabled = !wanted;
    },
    play(samples) { player?.port.postMessage({ samples }, [samples]); },
    tell(what) { player?.port.postMessage(what); },
  };
}

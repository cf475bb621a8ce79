// The microphone as a WAV file, which every server reads, whatever format a browser records in.

export class Recorder {
  static async begin() {
    if (!navigator.mediaDevices) throw new Error("browsers allow it on HTTPS and on localhost only");
    return new Recorder(await navigator.mediaDevices.getUserMedia({ audio: true }));
  }

  constructor(sound) {
    this.sound = sound;
    this.parts = [];
    this.recorder = new MediaRecorder(sound);
    this.recorder.addEventListener("dataavailable", (event) => this.parts.push(event.data));
    this.recorder.start();
  }

  // Without what was heard.
  leave() {
    this.sound.getTracks().forEach((track) => track.stop());
  }

  async end() {
    await new Promise((resolve) => {
      this.recorder.addEventListener("stop", resolve);
      this.recorder.stop();
    });
    this.leave();
    const context = new AudioContext();
    try {
      const recorded = await new Blob(this.parts).arrayBuffer();
      return wav(await context.decodeAudioData(recorded));
    } finally {
      context.close();
    }
  }
}

// One channel of 16 bits.
function wav(sound) {
  const channels = Array.from({ length: sound.numberOfChannels }, (_, place) => sound.getChannelData(place));
  const view = new DataView(new ArrayBuffer(44 + 2 * sound.length));
  const text = (at, word) => [...word].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * sound.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // plain samples
  view.setUint16(22, 1, true);
  view.setUint32(24, sound.sampleRate, true);
  view.setUint32(28, 2 * sound.sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * sound.length, true);
  for (let place = 0; place < sound.length; place++) {
    const mean = channels.reduce((sum, channel) => sum + channel[place], 0) / channels.length;
    view.setInt16(44 + 2 * place, Math.max(-1, Math.min(1, mean)) * 32767, true);
  }
  return new Blob([view], { type: "audio/wav" });
}

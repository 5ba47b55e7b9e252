// A WebSocket that takes and sends batches where the gateway gives them: batch.v1 and batch-json.v1.
// Without batches, or without a gateway, it is a plain WebSocket. It is served without comments and indentation, in
// less than two KiB; hence the short names: s socket, f format, w what waits, c its size, n number of the next message,
// m a message, k its priority. Of the formats' names only batch-json.v1 has a ninth character; of messages only texts
// can trim.

// The messages of a JSON batch as they were written: nothing is read and written again. The first m or t of a batch is
// the name of what holds its messages.
let cut = s => {
  let m = [], a = s.indexOf("m") + 4, d = 0;
  s.replace(/"(\\.|[^"\\])*"|([[{])|[,}\]]/g, (t, _, o, i) =>
    i < a || (o ? d++ : t > "Z" && d ? d-- : d || t[1] || (i > a && m.push(s.slice(a, i)), a = i + 1)));
  return m;
};

export default class X extends EventTarget {
  binaryType = "blob";
  protocol = "";
  f = "";
  w = [];
  c = 0;
  n = 0;

  // Address, subprotocols, and the format: "batch.v1" unless "batch-json.v1".
  constructor(u, p = [], f = "batch.v1") {
    super();
    p = [p].flat();
    this.d(u, p[0] ? [...p.map(x => x + "+" + f), ...p] : f, !p[0]);
  }

  // Dial; z: once more without the offer, for servers that choose none of what is offered. Of the names of events,
  // "close" comes first and "open" last.
  d(u, p, z) {
    let s = this.s = new WebSocket(u, p);
    s.binaryType = "arraybuffer";
    s.onopen = s.onerror = s.onclose = v => {
      let k = v.type;
      if (k > "o") z = 0, [, this.protocol,,, this.f = ""] = /(.*?)((^|\+)(batch(-json)?\.v1))?$/.exec(s.protocol);
      !z || this.x ? this.e(new v.constructor(k, v)) : k < "d" && this.d(u, []);
    };
    s.onmessage = ({ data: b }) => {
      if (!this.f || this.f[8] && !b.trim) return this.g(b);
      if (b.trim) return (/^[^mt]*t/.test(b) ? JSON.parse(b).t : cut(b)).map(m => this.g(m));
      let a = new Uint8Array(b), i = 1, k, j, r = (o = a[i++]) => o < 128 ? o : o-128 + 128 * r();
      for (r(); i < a.length; i = j) {
        k = a[i++];
        k & 32 && r();
        j = r() + i;
        this.g(k & 1 ? b.slice(i, j) : new TextDecoder("utf8", { ignoreBOM: 1 }).decode(a.subarray(i, j)));
      }
    };
  }

  // Give a message, and tell of an event, to listeners and to the handler.
  g(m) {
    this.e(new MessageEvent("message", { data: m.trim || this.binaryType < "b" ? m : new Blob([m]) }));
  }
  e(v) {
    this.dispatchEvent(v);
    this["on" + v.type]?.(v);
  }

  // Texts, ArrayBuffers and views; k: 0 to 15. Messages of one turn share a batch, as far as they are small; from 3 on
  // they do not wait.
  send(m, k = 0) {
    let { f, s, w } = this;
    if (!f) return s.send(m);
    if (m.stream) throw TypeError("Blob");
    m.trim || (m = new Uint8Array(m.buffer || m, m.byteOffset, m.byteLength).slice());
    w.push([m, k]) > 1 || queueMicrotask(() => this.flush());
    (k > 2 || w[98] || (this.c += m.length) > 1e4) && this.flush();
  }

  // Send what waits, now.
  flush() {
    let { w, n } = this, o = [1], p = n => n > 127 ? (o.push(n & 127 | 128), p(n / 128 | 0)) : o.push(n);
    this.w = [];
    this.c = 0;
    this.n += w.length;
    if (this.f[8]) w.map(([m], i) => this.s.send(m.trim ? JSON.stringify({ v: 1, s: n + i, t: [m] }) : m));
    else if (w[0]) {
      p(n);
      for (let [m, k] of w) {
        let b = m.trim ? new TextEncoder().encode(m) : m;
        o.push(k << 1 | !m.trim);
        p(b.length);
        b.map(x => o.push(x));
      }
      this.s.send(new Uint8Array(o));
    }
  }

  close(...a) {
    this.x = 1;
    this.flush();
    this.s.close(...a);
  }
}

// What else a WebSocket has. Where there is none, as on servers that render pages, the module can be loaded all the same.
let O = Object, P = O.assign(X, globalThis.WebSocket).prototype;
O.assign(P, X);
for (let k of ["url", "extensions", "readyState", "bufferedAmount"]) O.defineProperty(P, k, { get() { return this.s[k]; } });

// A WebSocket that takes and sends batches where the gateway gives them: batch.v1 and batch-json.v1.
// Without batches, or without a gateway, it is a plain WebSocket. It is served without comments and indentation, in
// less than two KiB; hence the short names: s socket, f format, w what waits, n number of the next message, m a message;
// of the formats' names only batch-json.v1 has a ninth character.

// The messages of a JSON batch as they were written: nothing is read and written again. The first m or t of a batch is
// the name of what holds its messages.
let cut = s => {
  let m = [];
  let a = s.indexOf("m") + 4, d = 0, q, i = a, c;
  for (; c = s[i]; i++)
    if (q) c == "\\" ? i++ : q = c != '"';
    else if (c == '"') q = 1;
    else if (c == "[" || c == "{") d++;
    else if (d) d -= c == "]" || c == "}";
    else if (c == "," || c == "]") {
      i > a && m.push(s.slice(a, i));
      a = i + 1;
      if (c == "]") break;
    }
  return m;
};

// A number with seven bits to the octet.
let put = (n, o) => {
  for (; n > 127; n = n / 128 | 0) o.push(n & 127 | 128);
  o.push(n);
};

export default class extends EventTarget {
  binaryType = "blob";
  f = "";
  w = [];
  n = 0;

  // Address, subprotocols, and the format: "batch.v1" unless "batch-json.v1".
  constructor(u, p = [], f = "batch.v1") {
    super();
    p = [].concat(p);
    this.d(u, p[0] ? [...p.map(x => x + "+" + f), ...p] : f, !p[0]);
  }

  // Dial; z: once more without the offer, for servers that choose none of what is offered.
  d(u, p, z) {
    let s = this.s = new WebSocket(u, p), e = (k, C = Event) => s["on" + k] = v => {
      if (k == "open") z = 0, this.f = /(batch(-json)?.v1)?$/.exec(s.protocol)[0];
      if (!z || this.x) this.e(new C(k, v));
      else k[0] == "c" && this.d(u, []);
    };
    s.binaryType = "arraybuffer";
    e("open");
    e("error");
    e("close", CloseEvent);
    s.onmessage = ({ data: b }) => {
      if (!this.f || this.f[8] && !b.at) return this.g(b);
      if (b.at) return (/^[^mt]*t/.test(b) ? JSON.parse(b).t : cut(b)).map(m => this.g(m));
      let a = new Uint8Array(b), r = () => {
        let n = 0, k = 1, o;
        do o = a[i++], n += (o & 127) * k, k *= 128; while (o > 127);
        return n;
      };
      let i = 1, k, j;
      for (r(); i < a.length; i = j) {
        k = a[i++];
        k & 32 && r();
        j = r();
        j += i;
        this.g(k & 1 ? b.slice(i, j) : new TextDecoder("utf8", { ignoreBOM: 1 }).decode(a.subarray(i, j)));
      }
    };
  }

  // Give a message, and tell of an event, to listeners and to the handler.
  g(m) {
    this.e(new MessageEvent("message", { data: m.at || this.binaryType[0] == "a" ? m : new Blob([m]) }));
  }
  e(v) {
    this.dispatchEvent(v);
    this["on" + v.type]?.(v);
  }

  // Texts, ArrayBuffers and views; k: priority, 0 to 15. Messages of one turn share a batch; from 3 on they do not wait.
  send(m, k = 0) {
    if (!this.f) return this.s.send(m);
    let t = m.at && !m.buffer;
    this.w.push([t, t ? m : new Uint8Array(m.buffer ? m.buffer.slice(m.byteOffset).slice(0, m.byteLength) : m.slice()), k]) > 1 || setTimeout(() => this.flush());
    k < 3 && this.w.length < 99 || this.flush();
  }

  // Send what waits, now.
  flush() {
    let w = this.w, o = [1];
    this.w = [];
    if (this.f[8]) w.map(([t, m]) => (this.s.send(t ? JSON.stringify({ v: 1, s: this.n, t: [m] }) : m), this.n++));
    else if (w[0]) {
      put(this.n, o);
      this.n += w.length;
      for (let [t, m, k] of w) {
        let b = t ? new TextEncoder().encode(m) : m;
        o.push(k << 1 | !t);
        put(b.length, o);
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
  get protocol() { return this.s.protocol.replace(/\+?batch(-json)?.v1/, ""); }
  get readyState() { return this.s.readyState; }
}

// Behaves like WebSocket and takes batches, where the gateway gives them: batch.v1 and batch-json.v1 of Slipstream.
// Without a gateway, or with one that does not batch, it is a plain WebSocket.
const utf8 = new TextEncoder(), text = new TextDecoder();
const TOKEN = /(^|\+)(batch(?:-json)?\.v1)$/;
const varint = (n, out) => { for (; n > 127; n = Math.floor(n / 128)) out.push(n % 128 | 128); out.push(n); };

// The messages of a JSON batch as they were written: objects and numbers are not read and written again.
function* verbatim(s) {
  let at = s.indexOf('"m":[') + 5, depth = 0, quoted = 0;
  for (let i = at; at && i < s.length; i++) {
    const c = s[i];
    if (quoted) c == "\\" ? i++ : c == '"' && (quoted = 0);
    else if (c == '"') quoted = 1;
    else if (c == "[" || c == "{") depth++;
    else if ((c == "," || c == "]") && !depth) { if (i > at) yield s.slice(at, i); at = i + 1; if (c == "]") return; }
    else if (c == "]" || c == "}") depth--;
  }
}

export class BatchingWebSocket extends EventTarget {
  #url; #names; #socket; #form = ""; #sent = 0; #queue = []; #size = 0; #opened = false; #closed = false;
  #type = "blob"; #delay; #priority = 0; onopen = null; onmessage = null; onerror = null; onclose = null;

  // options: format, "batch.v1" unless "batch-json.v1"; delay, milliseconds that sent messages wait for others (0: a turn).
  constructor(url, protocols = [], { format = "batch.v1", delay = 0 } = {}) {
    super();
    this.#url = url; this.#delay = delay; this.#names = [].concat(protocols);
    const batched = this.#names.map(name => `${name}+${format}`);
    this.#dial(batched.length ? [...batched, ...this.#names] : [format], !batched.length);
  }

  #dial(offer, again) {
    const socket = this.#socket = new WebSocket(this.#url, offer);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#opened = true; this.#form = (TOKEN.exec(socket.protocol) || [])[2] || ""; this.#emit(new Event("open"));
    };
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onerror = () => this.#opened || !again ? this.#emit(new Event("error")) : 0;
    socket.onclose = e => !this.#opened && again && !this.#closed ? this.#dial([], false)
      : this.#emit(new CloseEvent("close", { code: e.code, reason: e.reason, wasClean: e.wasClean }));
  }

  #emit(event) { this["on" + event.type]?.(event); this.dispatchEvent(event); }
  #give(data) {
    if (typeof data != "string" && this.#type == "blob") data = new Blob([data]);
    this.#emit(new MessageEvent("message", { data, origin: new URL(this.#socket.url).origin }));
  }

  #take(data) {
    const isText = typeof data == "string";
    if (!this.#form || this.#form[5] == "-" && !isText) return this.#give(data);
    if (isText) {
      const { t } = data.indexOf('"m":[') < 0 || /^\{"v":1,"s":\d+(,"n":\[[\d,]*\])?,"t"/.test(data) ? JSON.parse(data) : {};
      for (const each of t || verbatim(data)) this.#give(each);
      return;
    }
    const b = new Uint8Array(data); let at = 1;
    const read = () => { let n = 0, f = 1, o; do { o = b[at++]; n += (o & 127) * f; f *= 128; } while (o > 127); return n; };
    for (read(); at < b.length;) {
      const flags = b[at++]; if (flags & 32) read();
      const size = read(), end = at + size;
      this.#give(flags & 1 ? data.slice(at, end) : text.decode(b.subarray(at, end))); at = end;
    }
  }

  // priority, 0 to 15, is for batch.v1: from 3 on a message does not wait, here or in the gateway.
  send(data, priority = 0) {
    if (!this.#form) return this.#socket.send(data);
    if (data instanceof Blob) throw new TypeError("send an ArrayBuffer instead of a Blob");
    const bytes = typeof data == "string" ? data
      : new Uint8Array(ArrayBuffer.isView(data) ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data.slice(0));
    this.#queue.push([bytes, priority]) > 1 || setTimeout(() => this.flush(), this.#delay);
    this.#size += bytes.length;
    if (priority > 2 || this.#queue.length > 99 || this.#size > 65535) this.flush();
  }

  // Send what waits, now.
  flush() {
    const queue = this.#queue; this.#queue = []; this.#size = 0;
    if (!queue.length || this.#socket.readyState != 1) return;
    if (this.#form[5] == "-") {
      let run = []; const end = () => {
        if (run.length) this.#socket.send(JSON.stringify({ v: 1, s: this.#sent, t: run })), this.#sent += run.length, run = [];
      };
      for (const [data] of queue) typeof data == "string" ? run.push(data) : (end(), this.#socket.send(data), this.#sent++);
      return end();
    }
    const head = [1], parts = [head]; varint(this.#sent, head);
    for (const [data, priority] of queue) {
      const isText = typeof data == "string", bytes = isText ? utf8.encode(data) : data, record = [priority << 1 | !isText];
      varint(bytes.length, record); parts.push(record, bytes);
    }
    this.#sent += queue.length;
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0)); let at = 0;
    for (const part of parts) whole.set(part, at), at += part.length;
    this.#socket.send(whole);
  }

  close(...why) { this.#closed = true; this.flush(); this.#socket.close(...why); }
  get url() { return this.#socket.url; }
  get readyState() { return this.#opened || this.#closed ? this.#socket.readyState : Math.min(this.#socket.readyState, 0); }
  get protocol() { return this.#socket.protocol.replace(TOKEN, ""); }
  get extensions() { return this.#socket.extensions; }
  get bufferedAmount() { return this.#socket.bufferedAmount + this.#size; }
  get binaryType() { return this.#type; }
  set binaryType(type) { this.#type = type; }
  get isBatched() { return !!this.#form; }
  static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
}
export default BatchingWebSocket;

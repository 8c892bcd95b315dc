// beanstalkd. Its protocol is a few lines of text, spoken here directly: a client library would only slow it down.
import { connect } from "node:net";
import { run } from "../common/driver.mjs";

/** One connection: commands are answered in order, so the oldest waiting one owns the next answer. */
class Connection {
  #socket = connect(Number(process.env.BEANSTALKD_PORT), "127.0.0.1");
  #waiting = [];
  #received = Buffer.alloc(0);

  constructor() {
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (data) => this.#receive(data));
    this.#socket.on("error", () => {});
  }

  send(command) {
    this.#socket.write(command);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #receive(data) {
    this.#received = this.#received.length ? Buffer.concat([this.#received, data]) : data;
    for (;;) {
      const end = this.#received.indexOf("\r\n");
      if (end < 0) return;
      const words = this.#received.toString("latin1", 0, end).split(" ");
      const hasBody = words[0] === "RESERVED" || words[0] === "OK";
      const size = hasBody ? Number(words.at(-1)) + 2 : 0;
      if (this.#received.length < end + 2 + size) return;
      const body = this.#received.toString("utf8", end + 2, end + size);
      this.#received = this.#received.subarray(end + 2 + size);
      this.#waiting.shift()({ words, body });
    }
  }

  async put(payload) {
    const body = JSON.stringify(payload);
    const { words } = await this.send(`put 1024 0 120 ${Buffer.byteLength(body)}\r\n${body}\r\n`);
    if (words[0] !== "INSERTED") throw new Error(words.join(" "));
  }

  close() {
    this.#socket.destroy();
  }
}

const WORKER_CONNECTIONS = 16;

await run({
  async prepare() {},
  async producer(count) {
    const connections = Array.from({ length: count }, () => new Connection());
    let next = 0;
    const connection = () => connections[next++ % count];
    return {
      add: (payload) => connection().put(payload),
      // There is no bulk command; the nearest thing is not to wait for one answer before the next put.
      addMany(payloads) {
        const one = connection();
        return Promise.all(payloads.map((payload) => one.put(payload)));
      },
      async close() {
        connections.forEach((one) => one.close());
      },
    };
  },
  async worker(handle) {
    const connections = Array.from({ length: WORKER_CONNECTIONS }, () => new Connection());
    let stopping = false;
    const loop = async (connection) => {
      while (!stopping) {
        const { words, body } = await connection.send("reserve-with-timeout 1\r\n");
        if (words[0] !== "RESERVED") continue;
        handle(JSON.parse(body));
        await connection.send(`delete ${words[1]}\r\n`);
      }
    };
    const loops = connections.map(loop);
    return async () => {
      stopping = true;
      await Promise.all(loops);
    };
  },
  async remaining() {
    const connection = new Connection();
    const { body } = await connection.send("stats\r\n");
    connection.close();
    const waiting = ["ready", "reserved", "delayed", "buried"];
    return waiting.reduce((sum, state) => sum + Number(body.match(`current-jobs-${state}: (\\d+)`)[1]), 0);
  },
});

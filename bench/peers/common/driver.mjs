// The little protocol that every peer program speaks, for the programs in JavaScript. README.md has it in words.
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const PAYLOAD_BYTES = 200;

/** The wall clock in milliseconds, with a fraction: the producer and the worker are two processes. */
const now = () => performance.timeOrigin + performance.now();

/** A task's payload: when it was added (0: nobody asks), padded to the size that every peer gets. */
export function payload(at = 0) {
  const padding = PAYLOAD_BYTES - JSON.stringify({ at, pad: "" }).length;
  return { at, pad: "x".repeat(padding) };
}

const say = (object) => process.stdout.write(JSON.stringify(object) + "\n");
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `step(i)` for every i below `count`, `inFlight` of them at a time. */
async function times(count, inFlight, step) {
  let next = 0;
  const lane = async () => {
    while (next < count) await step(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function timed(count, work) {
  const start = now();
  await work();
  say({ count, seconds: (now() - start) / 1000 });
}

async function single(producer, { tasks, inFlight }) {
  await times(16, inFlight, () => producer.add(payload())); // connects
  await timed(tasks, () => times(tasks, inFlight, () => producer.add(payload())));
}

async function bulk(producer, { tasks, batch, inFlight }) {
  const requests = Math.ceil(tasks / batch);
  const payloads = Array.from({ length: batch }, () => payload());
  const step = (i) => producer.addMany(payloads.slice(0, Math.min(batch, tasks - i * batch)));
  await timed(tasks, () => times(requests, inFlight, step));
}

/** Adds at a steady rate whether or not earlier additions have been answered. */
async function produce(producer, { rate, seconds }) {
  await producer.add(payload());
  const start = now();
  const pending = [];
  for (let i = 0; i < rate * seconds; i++) {
    const due = start + (i * 1000) / rate;
    if (due > now()) await sleep(due - now());
    pending.push(producer.add(payload(now())));
  }
  await Promise.all(pending);
  say({ count: pending.length + 1 });
}

/** Works until standard input ends, and tells every 20 ms how far it is. */
async function work(startWorker) {
  const progress = { done: 0, first: 0, last: 0 };
  const latencies = [];
  const handle = (task) => {
    progress.last = now();
    progress.first ||= progress.last;
    progress.done++;
    if (task.at) latencies.push(progress.last - task.at);
  };
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  say({ ready: true });
  await lines.next(); // all workers start together
  const stop = await startWorker(handle);
  let told = -1;
  const timer = setInterval(() => {
    if (progress.done !== told) say(progress);
    told = progress.done;
  }, 20);
  await lines.next();
  clearInterval(timer);
  await stop();
  say({ ...progress, latencies });
}

/**
 * A peer is { prepare(), producer(connections), worker(handle), remaining() }: `producer` gives
 * { add, addMany, close }, `worker` starts handling tasks and gives a function that stops it.
 */
export async function run(peer) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: Object.fromEntries(
      ["tasks", "batch", "in-flight", "rate", "seconds"].map((name) => [name, { type: "string" }]),
    ),
  });
  const options = {
    tasks: Number(values.tasks),
    batch: Number(values.batch),
    inFlight: Number(values["in-flight"] ?? 16),
    rate: Number(values.rate),
    seconds: Number(values.seconds),
  };
  const producing = async (scenario) => {
    const producer = await peer.producer(options.inFlight);
    await scenario(producer, options);
    await producer.close();
  };
  const commands = {
    prepare: async () => {
      await peer.prepare();
      say({ prepared: true });
    },
    single: () => producing(single),
    bulk: () => producing(bulk),
    produce: () => producing(produce),
    work: () => work(peer.worker),
    remaining: async () => say({ count: await peer.remaining() }),
  };
  await commands[positionals[0]]();
  process.exit(0); // some libraries leave timers behind
}

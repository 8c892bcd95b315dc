// BullMQ on Redis. Finished jobs are removed, as its documentation recommends for production.
import { Queue, Worker } from "bullmq";
import { run } from "../common/driver.mjs";

const QUEUE = "bench";
const connection = { host: "127.0.0.1", port: Number(process.env.REDIS_PORT), maxRetriesPerRequest: null };
const defaultJobOptions = { removeOnComplete: true };

const open = () => new Queue(QUEUE, { connection, defaultJobOptions });

await run({
  async prepare() {},
  async producer() {
    const queue = open();
    await queue.waitUntilReady();
    return {
      add: (payload) => queue.add("noop", payload),
      addMany: (payloads) => queue.addBulk(payloads.map((data) => ({ name: "noop", data }))),
      close: () => queue.close(),
    };
  },
  async worker(handle) {
    const worker = new Worker(QUEUE, async (job) => handle(job.data), { connection, concurrency: 100 });
    await worker.waitUntilReady();
    return () => worker.close();
  },
  async remaining() {
    const queue = open();
    const counts = await queue.getJobCounts();
    await queue.close();
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  },
});

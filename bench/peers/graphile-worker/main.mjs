// Graphile Worker. VARIANT=tuned follows https://worker.graphile.org/docs/performance; anything else is its defaults.
import { Logger, makeWorkerUtils, run as runWorker } from "graphile-worker";
import pg from "pg";
import { run } from "../common/driver.mjs";

const connectionString = process.env.DATABASE_URL;
const logger = new Logger(() => () => {});

const TUNED = {
  concurrentJobs: 24,
  maxPoolSize: 26, // its documentation: concurrentJobs + 2
  localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};
const settings = process.env.VARIANT === "tuned" ? TUNED : {};

const utils = (maxPoolSize) => makeWorkerUtils({ connectionString, maxPoolSize, logger });

await run({
  async prepare() {
    const worker = await utils(1);
    await worker.migrate();
    await worker.release();
  },
  async producer(connections) {
    const worker = await utils(connections);
    return {
      add: (payload) => worker.addJob("noop", payload),
      addMany: (payloads) => worker.addJobs(payloads.map((payload) => ({ identifier: "noop", payload }))),
      close: () => worker.release(),
    };
  },
  async worker(handle) {
    const runner = await runWorker({
      preset: { worker: { connectionString, logger, ...settings } },
      noHandleSignals: true,
      taskList: { noop: async (payload) => handle(payload) },
    });
    return () => runner.stop();
  },
  async remaining() {
    const client = new pg.Client({ connectionString });
    await client.connect();
    const { rows } = await client.query("select count(*)::int as count from graphile_worker._private_jobs");
    await client.end();
    return rows[0].count;
  },
});

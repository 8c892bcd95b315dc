// pg-boss, with what its types' documentation offers for throughput (batchSize, burstWhenBatchFull) and for
// latency (LISTEN/NOTIFY).
import pg from "pg";
import { PgBoss } from "pg-boss";
import { run } from "../common/driver.mjs";

const QUEUE = "bench";
const connectionString = process.env.DATABASE_URL;

async function started(options = {}) {
  const boss = new PgBoss({ connectionString, ...options });
  boss.on("error", (error) => console.error(error));
  boss.on("warning", (warning) => console.error(warning));
  return boss.start();
}

await run({
  async prepare() {
    const boss = await started();
    await boss.createQueue(QUEUE, { notify: true });
    await boss.stop({ graceful: false });
  },
  async producer(connections) {
    const boss = await started({ max: connections, supervise: false, schedule: false });
    return {
      add: (payload) => boss.send(QUEUE, payload),
      addMany: (payloads) => boss.insert(QUEUE, payloads.map((data) => ({ data }))),
      close: () => boss.stop({ graceful: false }),
    };
  },
  async worker(handle) {
    const boss = await started({ useListenNotify: true });
    const options = { batchSize: 1000, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
    await boss.work(QUEUE, options, async (jobs) => jobs.forEach((job) => handle(job.data)));
    return () => boss.stop({ graceful: true, timeout: 10_000 });
  },
  async remaining() {
    const client = new pg.Client({ connectionString });
    await client.connect();
    const { rows } = await client.query(
      "select count(*)::int as count from pgboss.job where name = $1 and state <> 'completed'",
      [QUEUE],
    );
    await client.end();
    return rows[0].count;
  },
});

// The dashboard as people use it: in Chromium, every page and each action, in English and Chinese, light and dark,
// with axe looking for what bars anybody from it. Any error in the console and any request to elsewhere fails the test.
//
// Started by crates/cli/tests/browser.rs, which starts the services and says where they are.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const { OPEN_URL, GUARDED_URL, GUARDED_KEY, SCREENSHOTS, CHROMIUM = "/usr/bin/chromium" } = process.env;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Another site for the browser, though it is the same service. */
const ELSEWHERE = OPEN_URL.replace("127.0.0.1", "localhost");
const KIBIBYTES_MAX = 100;
const USABLE_MS_MAX = 500;
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 800 };
const EVIL = `<script>alert("x")</script>'"`;

mkdirSync(SCREENSHOTS, { recursive: true });

/** A call of the interface for programs. */
async function api(method, path, body, key) {
  const headers = { "content-type": "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  const response = await fetch((key ? GUARDED_URL : OPEN_URL) + path, { method, headers, body: JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? null : response.json();
}

/** Something of everything: waiting, running, scheduled, completed, dead, cancelled, paused, and evil names. */
async function seed() {
  const create = (task) => api("POST", "/api/v1/tasks", task);
  const claim = async (queue, max) =>
    (await api("POST", "/api/v1/claim", { worker_id: `worker-of-${queue}@host-1`, queues: [queue], max })).tasks;
  const report = (task, verb, more) =>
    api("POST", `/api/v1/tasks/${task.id}/${verb}`, { lease_token: task.lease_token, ...more });
  for (let n = 0; n < 12; n++) await create({ kind: "send_email", queue: "mail", payload: { to: `user-${n}@example.com` }, tags: ["newsletter"] });
  for (let n = 0; n < 5; n++) await create({ kind: "resize_image", queue: "images", payload: [n], max_attempts: 3 });
  for (let n = 0; n < 3; n++) await create({ kind: "bill", queue: "billing", delay: "2h", priority: 2, unique: { key: `bill-${n}` } });
  await create({ kind: EVIL, queue: EVIL, payload: { [EVIL]: EVIL }, tags: [EVIL] });
  for (const task of await claim("mail", 8)) await report(task, "complete", { result: { sent: true } });
  for (const task of await claim("images", 3))
    await report(task, "fail", { error: { type: "OutOfMemory", message: "cannot allocate 2 GiB\nfor a picture", trace: "at resize (images.js:12)\nat main (worker.js:3)" }, retryable: false });
  await claim("mail", 2);
  await api("POST", "/api/v1/queues/billing/pause");
  const waiting = await create({ kind: "to_be_cancelled", queue: "mail", payload: { amount: 1.5, deep: { list: [1, 2, { a: null }] } } });
  const dead = (await api("GET", "/api/v1/tasks?state=dead")).tasks;
  const running = (await api("GET", "/api/v1/tasks?state=running")).tasks[0];
  return { waiting: waiting.id, dead: dead.map((task) => task.id), running: running.id };
}

/** A page that fails the test by itself when something is wrong with it. */
async function open(browser, options) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()} ${message.location().url}`));
  page.on("pageerror", (error) => problems.push(`script: ${error.message}`));
  page.on("request", (request) => {
    const { origin } = new URL(request.url());
    if (![OPEN_URL, GUARDED_URL, ELSEWHERE].includes(origin)) problems.push(`off origin: ${request.url()}`);
  });
  page.problems = problems;
  page.fine = (what) => assert.deepEqual(problems.splice(0), [], what);
  return page;
}

/** What a page said that was expected: an answer that refuses something is an error in the console. */
function expected(page, status) {
  const others = page.problems.splice(0).filter((problem) => !problem.includes(`status of ${status}`));
  assert.deepEqual(others, []);
}

async function accessible(page, what, options = {}) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((options) => window.axe.run(document, options), options);
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} (${node.failureSummary})`).join("; ")}`);
  barriers.push(...told.map((barrier) => `${what}: ${barrier}`));
}

/** Nothing else changes with the colours. */
const CONTRAST = { runOnly: { type: "rule", values: ["color-contrast"] } };

/** What axe found, on all pages: one looks at all of it at once. */
const barriers = [];

const shot = (page, name) => page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
const text = (page, selector) => page.locator(selector).first().innerText();
const done = (what) => console.log(`ok - ${what}`);
/** Waits until the page's heading says this. */
const headed = (page, words) => page.locator("h1", { hasText: words }).waitFor();
const live = (page) => page.locator('#connection[data-state="live"]').waitFor();

/** Tasks died, more than this service was told to put up with: one sees it first, is told what to do, and can silence it. */
async function alerts(browser) {
  const page = await open(browser);
  await page.goto(OPEN_URL);
  const card = page.locator("section.alert", { hasText: "DeadTasks" });
  await card.getByText("queue=images").waitFor();
  await page.locator("h1", { hasText: /firing/ }).waitFor();
  const order = await page.locator("main > .region").evaluateAll((regions) => regions.map(({ id }) => id));
  assert.deepEqual(order.slice(0, 3), ["status", "firing", "now"]);
  assert.equal(await card.locator("ol.steps code").first().innerText(), "taskward task list --state dead");
  assert.match(await card.innerText(), /Respond within 1 h/);
  // Latency, errors, saturation, and the oldest task that waits.
  await page.locator("figure.chart line.threshold").nth(3).waitFor({ state: "attached" });
  await page.locator(".threshold-note", { hasText: "Threshold 15 min" }).waitFor();
  assert.match(await page.title(), /^\(1\) Overview/);
  done("what fires is first on the overview, with its steps; thresholds are in the charts");

  await page.getByRole("link", { name: "Alerts 1 firing" }).click();
  await headed(page, "Alerts");
  const row = page.locator("tbody tr", { hasText: "DeadTasks" });
  assert.match(await row.innerText(), /firing[^]*\b3\b[^]*\b2\b/, "its value and its threshold");
  await row.locator("summary").click();
  await row.evaluate((row) => row.setAttribute("data-old", ""));
  await page.locator("tbody tr:not([data-old]) details[open] ol.steps", { hasText: "taskward task retry ID" }).waitFor();
  done("opened steps stay open while the page goes on");

  await row.getByRole("link", { name: "Silence DeadTasks" }).click();
  await page.getByLabel("For how long").selectOption("8h");
  await page.getByLabel("Reason").fill("import runs <b>");
  await page.getByRole("button", { name: "Silence", exact: true }).click();
  await page.getByText("The rule is silenced").waitFor();
  await row.getByText("import runs <b>").waitFor();
  const silence = async () => (await api("GET", "/api/v1/alerts")).alerts.find(({ rule }) => rule === "DeadTasks").silence;
  assert.equal((await silence()).reason, "import runs <b>");
  await page.locator("#firing-count:empty").waitFor({ state: "attached" });
  assert.match(await page.title(), /^Alerts/);
  await row.getByRole("button", { name: "Unsilence DeadTasks" }).click();
  await page.getByText("no longer silenced").waitFor();
  assert.equal(await silence(), null);
  done("a rule is silenced and unsilenced");

  await page.getByRole("rowheader", { name: "slack" }).waitFor();
  assert.ok(!(await page.content()).includes("hidden-token"));
  page.fine("alerts");
  await page.context().close();
  done("who is told is shown, and no secret");
}

/** Every page in a language: in light, dark and narrow. */
async function everyPage(browser, ids, language) {
  const pages = {
    overview: "/", queues: "/queues", tasks: "/tasks", "tasks-filtered": "/tasks?queue=images&state=dead",
    "tasks-wrong": "/tasks?state=asleep", "task-waiting": `/tasks/${ids.waiting}`, "task-dead": `/tasks/${ids.dead[0]}`,
    "task-running": `/tasks/${ids.running}`, "task-missing": "/tasks/0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6",
    workers: "/workers", instances: "/instances", alerts: "/alerts", silence: "/alerts/silence?rule=QueueStuck",
    configuration: "/configuration", "retry-dead": "/queues/retry-dead?queue=images",
  };
  const refused = { "tasks-wrong": 422, "task-missing": 404 };
  const page = await open(browser, { locale: language });
  for (const [name, path] of Object.entries(pages)) {
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: "light" });
    const response = await page.goto(OPEN_URL + path);
    assert.equal(response.status(), refused[name] ?? 200, name);
    assert.equal(await page.locator("html").getAttribute("lang"), language);
    if (await page.locator("#connection").count()) await live(page);
    await accessible(page, `${name}, ${language}`);
    await shot(page, `${name}-${language}-light`);
    await page.emulateMedia({ colorScheme: "dark" });
    await accessible(page, `${name}, ${language}, dark`, CONTRAST);
    await shot(page, `${name}-${language}-dark`);
    await page.setViewportSize(NARROW);
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(sideways <= 0, `${name}, ${language}: scrolls sideways by ${sideways}`);
    await shot(page, `${name}-${language}-narrow`);
    if (refused[name]) expected(page, refused[name]);
    page.fine(`${name}, ${language}`);
  }
  if (language === "zh-CN") assert.match(await text(page, "nav"), /概览/);
  await page.context().close();
  done(`every page, ${language}: light, dark, narrow, console, origins`);
}

async function smallAndQuick(browser) {
  const page = await open(browser);
  const times = [];
  // The best of some: what else this machine does is not the page's fault.
  for (let round = 0; round < 20 && !(times.length >= 3 && Math.min(...times) <= USABLE_MS_MAX); round++) {
    await page.goto(OPEN_URL, { waitUntil: "load" });
    times.push(await page.evaluate(() => performance.getEntriesByType("navigation")[0].loadEventStart));
  }
  const fresh = await open(browser);
  await fresh.goto(OPEN_URL, { waitUntil: "load" });
  const bytes = await fresh.evaluate(() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, { transferSize }) => sum + (transferSize || 0), 0));
  assert.ok(bytes > 0 && bytes <= KIBIBYTES_MAX * 1024, `${bytes} bytes`);
  assert.ok(Math.min(...times) <= USABLE_MS_MAX, `loaded after ${times} ms`);
  await page.context().close();
  await fresh.context().close();
  done(`the overview takes ${(bytes / 1024).toFixed(1)} KiB and ${Math.min(...times).toFixed(0)} ms`);
}

async function actions(browser, ids) {
  const page = await open(browser);
  const row = (name) => page.locator("tbody tr", { hasText: name });
  await page.goto(`${OPEN_URL}/queues`);
  await row("images").getByRole("button", { name: "Pause images" }).click();
  await page.getByText("The queue is paused").waitFor();
  await row("images").getByRole("button", { name: "Resume images" }).click();
  await page.getByText("gives out tasks again").waitFor();
  done("a queue is paused and resumed");

  await row("script").getByRole("button", { name: `Pause ${EVIL}` }).click();
  await row("script").getByRole("button", { name: `Resume ${EVIL}` }).click();
  await row("script").locator("th a").click();
  await page.waitForURL(/tasks\?queue=/);
  assert.equal(await text(page, "tbody td.name"), EVIL);
  done("an evil name is a name");

  await page.goto(`${OPEN_URL}/tasks/${ids.waiting}`);
  page.once("dialog", (dialog) => dialog.dismiss());
  await page.getByRole("button", { name: "Cancel task" }).click();
  assert.equal((await api("GET", `/api/v1/tasks/${ids.waiting}`)).state, "available", "asked first");
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Cancel task" }).click();
  await page.getByText("The task was cancelled.").waitFor();
  assert.equal((await api("GET", `/api/v1/tasks/${ids.waiting}`)).state, "cancelled");
  done("a task is cancelled, after a question");

  await page.goto(`${OPEN_URL}/tasks/${ids.dead[0]}`);
  await page.getByRole("button", { name: "Retry task" }).click();
  await page.getByText("The task is available again.").waitFor();
  await page.goto(`${OPEN_URL}/queues`);
  await row("images").getByRole("link", { name: "Retry dead… images" }).click();
  await page.getByRole("button", { name: "Retry 2 tasks" }).click();
  await page.getByText("2 tasks were brought back.").waitFor();
  for (const id of ids.dead) assert.equal((await api("GET", `/api/v1/tasks/${id}`)).state, "available");
  done("dead tasks are retried, one and all of a queue");

  await page.goto(`${OPEN_URL}/tasks`);
  await page.locator("#queue").fill("billing");
  await page.locator("#state").selectOption("scheduled");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/state=scheduled/);
  assert.equal(await page.locator("tbody tr").count(), 3);
  await page.locator("#id").fill(` ${ids.running} `);
  await page.getByRole("button", { name: "Find", exact: true }).click();
  await page.waitForURL(`**/tasks/${ids.running}`);
  await page.goto(`${OPEN_URL}/tasks?limit=5`);
  const first = await text(page, "tbody th");
  await page.getByRole("link", { name: /Older tasks/ }).click();
  await page.waitForURL(/cursor=/);
  assert.notEqual(await text(page, "tbody th"), first);
  await page.getByRole("link", { name: /Newest tasks/ }).click();
  await page.waitForURL((url) => !url.search.includes("cursor="));
  assert.equal(await text(page, "tbody th"), first);
  done("tasks are filtered, found and paged through");

  await page.getByRole("button", { name: "中文" }).click();
  await headed(page, "任务");
  await page.getByRole("button", { name: "English" }).click();
  await headed(page, "Tasks");
  done("the language is switched");

  await page.goto(OPEN_URL);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "content");
  done("the keyboard skips to the content");
  page.fine("actions");
  await page.context().close();
}

async function liveness(browser) {
  const page = await open(browser);
  await page.goto(`${OPEN_URL}/queues`);
  await live(page);
  await page.getByRole("link", { name: "mail", exact: true }).focus();
  await api("POST", "/api/v1/tasks", { kind: "k", queue: "just-made" });
  await page.getByRole("link", { name: "just-made" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "mail", "the focus stays");
  page.fine("live");
  done("a page is live, and keeps the focus");
  return page;
}

async function sessions(browser) {
  const page = await open(browser);
  await page.goto(`${GUARDED_URL}/queues`);
  assert.match(page.url(), /sign-in\?next=%2Fqueues/);
  await accessible(page, "sign-in");
  await shot(page, "sign-in-light");
  await page.getByLabel("API key").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This API key is not valid.").waitFor();
  await accessible(page, "sign-in, refused");
  await shot(page, "sign-in-refused-light");
  expected(page, 401);
  await page.getByLabel("API key").fill(GUARDED_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${GUARDED_URL}/queues`);
  await page.goto(`${GUARDED_URL}/configuration`);
  assert.ok(!(await page.content()).includes(GUARDED_KEY));
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.value.includes(GUARDED_KEY)], [true, "Strict", false]);
  // A link on another site comes without the cookie, and arrives nevertheless.
  await page.goto(ELSEWHERE);
  await page.evaluate((url) => void (window.location.href = url), `${GUARDED_URL}/configuration`);
  await page.getByRole("heading", { name: "Configuration" }).waitFor();
  assert.equal(page.url(), `${GUARDED_URL}/configuration`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/sign-in/);
  await page.goto(`${GUARDED_URL}/queues`);
  assert.match(page.url(), /sign-in/);
  page.fine("sessions");
  await page.context().close();
  done("one signs in and out");
}

/** The service goes away: the page says so, and in earnest. Last, since nothing is there afterwards. */
async function goneAway(page) {
  // Whoever started this ends the service now.
  console.log("the service may go");
  await page.locator('#connection[data-state="lost"]').waitFor();
  assert.match(await text(page, "#connection"), /NOT LIVE/);
  await shot(page, "queues-lost-light");
  done("a page whose service is gone says so");
}

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
try {
  const ids = await seed();
  await alerts(browser);
  // Side by side, as two people would.
  await Promise.all(["en", "zh-CN"].map((language) => everyPage(browser, ids, language)));
  await smallAndQuick(browser);
  await actions(browser, ids);
  await sessions(browser);
  await goneAway(await liveness(browser));
  assert.deepEqual(barriers, [], "axe found barriers");
  done("axe found no barrier");
} finally {
  await browser.close();
}

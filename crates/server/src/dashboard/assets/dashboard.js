// What a page does by itself: it keeps its regions up to date, says when it cannot, asks before it cancels, tells
// moments in the reader's own time, and in its title how many alerts fire. Everything works without it, as of the
// moment the page was loaded.
"use strict";

(() => {
  // Two signs of life that did not come mean that the page is stale.
  const SILENCE_MS = 10000;
  const AGAIN_MS = 5000;

  const connection = document.getElementById("connection");
  const path = document.body.dataset.live;
  let stream = null;
  let watchdog = 0;
  let heard = new Date();

  const clock = (date) => date.toLocaleTimeString([], { hour12: false });

  function say(state, words) {
    if (connection.dataset.state === state) return;
    connection.dataset.state = state;
    connection.textContent = words.replace("{time}", clock(heard));
  }

  // The browser tries again by itself after an interruption, but not after a refusal.
  function lost() {
    const refused = stream !== null && stream.readyState === EventSource.CLOSED;
    say(refused ? "stopped" : "lost", refused ? connection.dataset.stopped : connection.dataset.lost);
    if (refused) {
      disconnect();
      watchdog = setTimeout(connect, AGAIN_MS);
    }
  }

  function alive() {
    heard = new Date();
    say("live", connection.dataset.live);
    connection.title = clock(heard);
    clearTimeout(watchdog);
    watchdog = setTimeout(lost, SILENCE_MS);
  }

  function connect() {
    if (stream !== null || document.hidden) return;
    stream = new EventSource(path);
    stream.onmessage = (event) => {
      alive();
      for (const [id, html] of Object.entries(JSON.parse(event.data).regions)) update(id, html);
    };
    stream.onerror = lost;
    clearTimeout(watchdog);
    watchdog = setTimeout(lost, SILENCE_MS);
  }

  function disconnect() {
    clearTimeout(watchdog);
    if (stream !== null) stream.close();
    stream = null;
  }

  // A region is left alone while somebody presses a button in it, or has selected text or opened something there
  // that cannot be found again.
  function busy(region) {
    if (region.querySelector(":active, details[open]:not([id])")) return true;
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && region.contains(selection.anchorNode);
  }

  // What is focused stays focused: the same element, found by where it leads or what it is called.
  function mark(element) {
    if (element.id) return "#" + CSS.escape(element.id);
    if (element.matches("details[id] > summary")) return "#" + CSS.escape(element.parentElement.id) + " > summary";
    for (const name of ["aria-label", "href"]) {
      const value = element.getAttribute(name);
      if (value) return "[" + name + '="' + CSS.escape(value) + '"]';
    }
    return null;
  }

  function update(id, html) {
    const region = document.getElementById(id);
    if (region === null || busy(region)) return;
    const focused = region.contains(document.activeElement) ? mark(document.activeElement) : null;
    const scrolled = Array.from(region.querySelectorAll(".wide"), (wide) => wide.scrollLeft);
    const opened = Array.from(region.querySelectorAll("details[open]"), (details) => details.id);
    region.innerHTML = html;
    for (const details of opened) document.getElementById(details)?.setAttribute("open", "");
    region.querySelectorAll(".wide").forEach((wide, index) => (wide.scrollLeft = scrolled[index] || 0));
    if (id === "firing-count") tellTitle();
    if (focused !== null) region.querySelector(focused)?.focus({ preventScroll: true });
    tellTimes(region);
  }

  // How many alerts fire is in the title, too: one sees it from another tab.
  const title = document.title;
  function tellTitle() {
    const count = document.querySelector("#firing-count .count");
    document.title = count === null ? title : "(" + count.textContent + ") " + title;
  }

  function tellTimes(within) {
    for (const time of within.querySelectorAll("time")) {
      time.title = new Date(time.dateTime).toLocaleString([], { timeZoneName: "short", hour12: false });
    }
  }

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  tellTimes(document);
  tellTitle();
  if (path) {
    say("connecting", connection.dataset.connecting);
    connect();
    // A hidden page asks for nothing, and takes none of the few connections that a browser has for one service.
    document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
    window.addEventListener("pagehide", disconnect);
    window.addEventListener("pageshow", connect);
  }
})();

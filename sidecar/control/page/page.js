"use strict";
// Asks for the overview every two seconds and shows it. What comes from there is text, and is only
// ever set as text.
(() => {
  const PERIOD = 2000, PATIENCE = 8000;
  const SLOTS = 60;  // of the history
  const SVG = "http://www.w3.org/2000/svg";
  const at = (id) => document.getElementById(id);
  const view = { filter: "", sort: "urgency", reverse: false, limit: 100 };
  const rows = new Map();  // by name
  let awaySince = null, startedAt = null, timer = 0, asking = null;

  // ---- words ----
  const grouped = new Intl.NumberFormat("en");
  function count(value) {
    if (value < 9.95 && value % 1) return value.toFixed(value < 1 ? 2 : 1);
    return grouped.format(Math.round(value));
  }
  function short(value) {
    for (const [size, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"]]) {
      if (value >= size) return (value / size).toFixed(value < 10 * size ? 1 : 0) + " " + letter;
    }
    return count(value);
  }
  function seconds(value) {
    if (value === null) return "";
    if (value < 0.9995) return count(value * 1000) + " ms";
    if (value < 120) return count(value) + " s";
    if (value < 7200) return count(value / 60) + " min";
    return value < 172800 ? count(value / 3600) + " h" : count(value / 86400) + " d";
  }
  const clock = (date) => date.toLocaleTimeString("en-GB");

  // ---- elements ----
  function make(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
  function sayNumber(element, text) {
    if (element.dataset.said === text) return;
    element.dataset.said = text;
    const [, number, unit] = /^(\S+)(?: (.*))?$/.exec(text);
    element.replaceChildren(number);
    if (unit) element.append(make("span", "unit", unit));
  }

  // A line over an area. The last value is drawn at the right edge, whatever came before it.
  function plot(place, values, words) {
    let svg = place.firstElementChild;
    if (!svg) {
      svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", "0 0 100 20");
      svg.setAttribute("preserveAspectRatio", "none");
      svg.setAttribute("role", "img");
      for (const name of ["area", "line"]) {
        svg.append(document.createElementNS(SVG, "path"));
        svg.lastChild.setAttribute("class", name);
      }
      place.append(svg);
    }
    svg.setAttribute("aria-label", words);
    const most = Math.max(...values, 0) || 1;
    const x = (i) => (100 * (SLOTS - values.length + i)) / (SLOTS - 1);
    const points = values.map((value, i) => `${x(i).toFixed(1)} ${(19 - 18 * value / most).toFixed(1)}`);
    const line = points.length > 1 ? "M" + points.join("L") : "";
    svg.lastChild.setAttribute("d", line);
    svg.firstChild.setAttribute("d", line && `${line}L100 20L${x(0).toFixed(1)} 20Z`);
  }

  // ---- the instance ----
  function showInstance(now) {
    const { history, rate_per_second: rate, states } = now.overview;
    const every = history.interval_seconds;
    const perSecond = history.taken.map((taken) => taken / every);
    say(at("about"), `${now.version} · process ${now.pid} · up ${seconds(now.uptime_seconds)}`);
    document.body.classList.remove("away");
    sayNumber(at("rate"), short(rate));
    plot(at("rate-plot"), perSecond, `Ids per second in the last five minutes, at most ${short(Math.max(...perSecond, 0))}`);
    const lately = history.refills.slice(-12);
    sayNumber(at("refills"), count(lately.reduce((sum, one) => sum + one, 0)));
    plot(at("refills-plot"), history.refills, "Refills in the last five minutes");
    const slowest = Math.max(...history.slowest_refill_seconds, 0);
    sayNumber(at("slowest"), slowest ? seconds(slowest) : "–");
    plot(at("slowest-plot"), history.slowest_refill_seconds, `Slowest refills in the last five minutes, at most ${seconds(slowest)}`);
    say(at("source"), now.source.kind);
    say(at("journal"), (now.source.healthy ? "healthy" : "unhealthy") + " · journal " + (now.journal.healthy ? "healthy" : "failing"));
    const ailing = !now.source.healthy ? ["The source is unhealthy", now.source.detail]
      : !now.journal.healthy ? ["The journal fails", now.journal.detail] : null;
    at("ailing").hidden = !ailing;
    if (ailing) say(at("ailing-what"), ailing[0]), say(at("ailing-why"), ailing[1]);
    const parts = Object.entries(states).filter(([, many]) => many > 0);
    say(at("states"), parts.map(([state, many]) => `${count(many)} ${state}`).join(" · "));
    const alarm = states.fenced || states.starved || states.exhausted || ailing;
    document.title = (alarm ? "(!) " : "") + "Essequence";
  }

  // ---- fences ----
  const fences = new Map();
  async function copy(button, command) {
    try {
      await navigator.clipboard.writeText(command.textContent);
      say(button, "Copied");
    } catch {  // no permission, or no secure context: selected, it is a key away
      getSelection().selectAllChildren(command);
      say(button, "Selected");
    }
    setTimeout(() => say(button, "Copy"), 2000);
  }
  function makeFence() {
    const item = make("li"), typed = make("div", "typed");
    const command = make("code", "command"), button = make("button", "", "Copy");
    button.type = "button";
    button.addEventListener("click", () => copy(button, command));
    typed.append(command, button);
    item.append(make("h3"), make("p"), typed);
    return item;
  }
  function showFences(list) {
    at("fences").hidden = list.length === 0;
    const names = new Set(list.map((one) => one.name));
    for (const [name, item] of fences) if (!names.has(name)) item.remove(), fences.delete(name);
    for (const one of list) {
      let item = fences.get(one.name);
      if (!item) fences.set(one.name, item = makeFence()), at("fence-list").append(item);
      say(item.children[0], one.name);
      say(item.children[1], `${one.cause}. This host's high_water is ${one.high_water}.`);
      say(item.querySelector("code"), one.command);
      item.querySelector("button").setAttribute("aria-label", "Copy the command for " + one.name);
    }
  }

  // ---- the table ----
  const COLUMNS = ["name", "state", "rate", "past", "cover", "ready", "next", "refill", "stalls"];
  function makeRow() {
    const row = make("tr");
    for (const column of COLUMNS) row.append(make(column === "name" ? "th" : "td", column));
    row.firstChild.scope = "row";
    const meter = make("span", "meter");
    meter.setAttribute("aria-hidden", "true");
    meter.append(make("span"));
    row.children[4].append(meter, make("span"));
    return row;
  }
  function showRow(row, one, every) {
    const [name, state, rate, past, cover, ready, next, refill, stalls] = row.children;
    say(name, one.name);
    name.title = one.name;
    say(state, one.state);
    state.title = one.detail;
    state.classList.toggle("alarm", ["fenced", "exhausted", "starved"].includes(one.state));
    const cluster = one.order === "cluster";
    say(rate, one.rate_per_second ? short(one.rate_per_second) : cluster ? "" : "idle");
    rate.classList.toggle("idle", !one.rate_per_second);
    const perSecond = one.taken.map((taken) => taken / every);
    past.classList.toggle("none", perSecond.length === 0);
    plot(past, perSecond, perSecond.length ? `At most ${short(Math.max(...perSecond))} ids per second` : "Nothing was taken");
    cover.firstChild.firstChild.style.transform = `scaleX(${one.full.toFixed(3)})`;
    cover.firstChild.hidden = cluster;
    cover.classList.toggle("low", !cluster && one.full < 0.25);
    say(cover.lastChild, cluster ? "on request" : one.cover_seconds === null ? "" : seconds(one.cover_seconds));
    say(ready, short(Number(one.ready_ids)));
    say(next, one.next_id === null ? "" : one.next_id);
    next.title = one.next_id === null ? "" : one.next_id;
    say(refill, seconds(one.refill_seconds));
    say(stalls, count(one.stalls_total));
    stalls.classList.toggle("idle", one.stalls_total === 0);
  }
  function showTable({ sequences, matching, states, history }) {
    const body = at("rows"), named = new Set(sequences.map((one) => one.name));
    for (const [name, row] of rows) if (!named.has(name)) row.remove(), rows.delete(name);
    sequences.forEach((one, i) => {
      let row = rows.get(one.name);
      if (!row) rows.set(one.name, row = makeRow());
      showRow(row, one, history.interval_seconds);
      if (body.children[i] !== row) body.insertBefore(row, body.children[i] || null);
    });
    const all = Object.values(states).reduce((sum, many) => sum + many, 0);
    const more = matching > sequences.length;
    at("none").hidden = matching > 0;
    say(at("none"), all ? "No name contains that." : "No sequence is open yet. The first take of a name opens it.");
    say(at("shown"), more ? `${count(sequences.length)} of ${count(matching)}, the first in this order`
      : matching < all ? `${count(matching)} of ${count(all)}` : "");
    at("more").hidden = !more || view.limit >= 500;
  }
  function showOrder() {
    const falls = !["name", "cover", "urgency"].includes(view.sort) !== view.reverse;
    for (const button of document.querySelectorAll("th button")) {
      const head = button.parentElement;
      if (button.dataset.sort === view.sort) head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  // ---- asking ----
  async function ask() {
    clearTimeout(timer);
    if (asking) asking.abort();
    const mine = asking = new AbortController();
    const late = setTimeout(() => mine.abort(), PATIENCE);
    try {
      const query = new URLSearchParams({ filter: view.filter, sort: (view.reverse ? "-" : "") + view.sort, limit: view.limit });
      const reply = await fetch("v1/overview?" + String(query).replaceAll("+", "%20"), { signal: mine.signal, cache: "no-store" });
      if (!reply.ok) throw new Error(String(reply.status));
      show(await reply.json());
    } catch {
      if (mine !== asking) return;  // a newer question is on its way
      showAway();
    } finally {
      clearTimeout(late);
    }
    if (mine === asking && !document.hidden) timer = setTimeout(ask, PERIOD);
  }
  function show(now) {
    if (awaySince) awaySince = null, at("unreachable").hidden = true;
    if (startedAt && startedAt !== now.started_at) at("live-words").dataset.again = clock(new Date(now.started_at));
    startedAt = now.started_at;
    showInstance(now);
    const again = at("live-words").dataset.again;
    say(at("live-words"), again ? `live, restarted ${again}` : "live");  // once, as it is read aloud
    showFences(now.overview.fenced);
    showTable(now.overview);
  }
  function showAway() {
    awaySince = awaySince || new Date();
    at("unreachable").hidden = false;
    document.body.classList.add("away");
    say(at("live-words"), "unreachable");
    document.title = "(!) Essequence";
    say(at("unreachable-since"), `Unreachable since ${clock(awaySince)}.`);
  }

  // ---- hands ----
  at("filter").addEventListener("input", () => { view.filter = at("filter").value; ask(); });
  at("more").addEventListener("click", () => { view.limit = 500; ask(); });
  for (const button of document.querySelectorAll("th button")) {
    button.addEventListener("click", () => {
      view.reverse = view.sort === button.dataset.sort && !view.reverse;
      view.sort = button.dataset.sort;
      showOrder();
      ask();
    });
  }
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === at("filter") && view.filter) {
      at("filter").value = view.filter = "";
      ask();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else ask();
  });
  showOrder();
  ask();
})();

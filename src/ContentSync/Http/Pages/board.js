import { growth, growthParts, showCharts } from "./charts.js";
import { ago, absolute, call, element, foreign, itemUrl, key, tick, when } from "./client.js";
import { compareLines, indented, saveRows } from "./lists.js";

const refreshMilliseconds = 2000;

// Trends change once a minute.
const trendsMilliseconds = 20000;

// Items that an export from the page holds in memory.
const maxExported = 50000;
const pageSize = 200;

// Figures that are older are called stale. A request is given up before that, because a frozen host never responds.
const staleMilliseconds = 8000;
const requestMilliseconds = 5000;
const byId = id => document.getElementById(id);
const words = {
  rejected: "rejected by AlipayHK", attemptsExhausted: "all attempts failed", ageExceeded: "not acknowledged in time",
  configurationFault: "AlipayHK rejects this app's configuration", breaker: "too many consecutive failures",
  catalog: "catalog", ledger: "ledger",
  retryAt: "failed, to be retried", deferredUntil: "deferred", released: "interrupted",
  planning: "planning", sending: "sending", completed: "completed", planned: "dry run", cancelled: "cancelled",
  noSnapshot: "no catalog", handledAlready: "already handled", refused: "refused", stopped: "stopped by the guard",
};
const tone = { completed: "good", refused: "bad", stopped: "bad", noSnapshot: "warn", cancelled: "warn" };
const number = value => value.toLocaleString("en");

const filterNames = ["state", "code", "reason", "type", "prefix", "from", "to", "stale"];

let filter = { state: "parked" };
let itemsShown = 25;
let parkedCounts = "";
let lastState = null;
let lastItems = [];
let hourTrends = null;
let shownTrends = null;
let trendsAt = 0;
let listHash = "";
let timer = 0;
let shownAt = 0;
let condition = "";

// Live figures ---------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  try {
    if (!document.hidden) {
      await showTrends(false);
      await show(await call("GET", "/api/board/state", undefined, requestMilliseconds));
    }
  } catch (fault) {
    showFault(fault);
  }
  showAge();
  tick();
  timer = setTimeout(refresh, refreshMilliseconds);
}

function showFault(fault) {
  if (fault.status === 401) {
    byId("main").hidden = true;
    if (byId("key-form").hidden) {
      byId("key-form").hidden = false;
      byId("key").focus();
    }
    if (key.get()) byId("key-note").textContent = "The key is wrong. " + fault.message;
    live("API key required", true);
  } else {
    live(fault.status ? fault.message : "The host does not respond; retrying", true);
  }
}

// Old figures must not look like new ones.
function showAge() {
  if (shownAt === 0 || document.hidden) return;
  const age = Date.now() - shownAt;
  const stale = age > staleMilliseconds;
  byId("main").classList.toggle("stale", stale);
  if (stale) live(`The host does not respond. These figures are from ${new Date(shownAt).toLocaleTimeString()}; retrying`, true);
  showCondition(stale ? "stale" : condition);
}

// The tab says what matters, also while another one is in front.
function showCondition(now) {
  const titles = { stale: "Stale figures – ContentSync", stopped: "STOPPED – ContentSync", attention: "Needs attention – ContentSync" };
  const title = titles[now] ?? "ContentSync board";
  if (document.title !== title) document.title = title;
  const icon = `/api/board/files/icon${titles[now] ? `-${now}` : ""}.svg`;
  if (byId("icon").getAttribute("href") !== icon) byId("icon").setAttribute("href", icon);
}

function live(text, bad) {
  const shown = byId("live");
  if (shown.textContent !== text) shown.textContent = text;
  shown.classList.toggle("bad", bad);
}

async function show(state) {
  lastState = state;
  byId("key-form").hidden = true;
  byId("main").hidden = false;
  const isRecent = Date.parse(state.now) - Date.parse(state.countedAt) < 10000;
  shownAt = Date.now();
  const latest = state.resyncs.find(run => run.state !== "planning" && run.state !== "sending");
  const refused = latest && ["refused", "stopped"].includes(latest.state);
  condition = state.stop || state.pauses.some(pause => !pause.contentType) ? "stopped" : state.states.parked > 0 || state.stale > 0 || refused ? "attention" : "";
  const counted = (isRecent ? "" : `, counted at ${new Date(state.countedAt).toLocaleTimeString()}`)
    + (state.isComplete ? "" : "; the numbers are too low until everything has been counted once");
  const nothingSent = condition === "stopped";
  live((nothingSent ? "Nothing is sent" : "Live") + counted, nothingSent);
  byId("count-parked").classList.toggle("bad", state.states.parked > 0);
  showCircuit(state.stop);
  showPauses(state.pauses);
  showBudget(state.budget);
  for (const [name, count] of Object.entries(state.states)) set(`count-${name}`, number(count));
  set("rate", state.synchronizedInTheLastMinute === undefined ? "–" : number(state.synchronizedInTheLastMinute));
  const total = Object.entries(state.states).reduce((sum, [name, count]) => name === "tombstone" ? sum : sum + count, 0);
  set("note-synchronized", total === 0 ? "nothing accepted yet" : `of ${number(total)} items`);
  const reasons = Object.entries(state.parkReasons).filter(([, count]) => count > 0);
  set("note-parked", reasons.map(([reason, count]) => `${number(count)} ${words[reason] ?? reason}`).join(", ") || "nothing needs your attention");
  const oldest = state.oldestPending;
  byId("note-pending").replaceChildren(...(oldest ? ["oldest: ", opener(oldest.contentId), " ", ago(oldest.acceptedAt)] : ["nothing is waiting"]));
  showChips("types", "Content types:", state.types, 2);
  showChips("templates", "Card templates:", state.templateStatuses, 1);
  showStale(state.stale, state.oldestStale);
  fill("causes", state.causes.map(cause => ({ ...cause, growth: growthOf(cause) })), causeRow);
  showCodes(state.causes.filter(cause => cause.state === "parked").map(cause => cause.code));
  showResyncs(state);
  const parkedNow = JSON.stringify([state.states.parked, state.parkReasons]);
  if (parkedNow !== parkedCounts) {
    if (parkedCounts === "" || filter.state === "parked") await loadItems();
    parkedCounts = parkedNow;
  }
}

// The trends end a minute ago, so none of its code says nothing about a cause that began since.
function growthOf(cause) {
  if (!hourTrends || !cause.code) return null;
  const grown = growth(hourTrends, cause.code);
  return grown.bars.some(count => count > 0) || Date.parse(cause.since) < Date.parse(hourTrends.to) ? grown : null;
}

function set(id, text) {
  const shown = byId(id);
  if (shown && shown.textContent !== text) shown.textContent = text;
}

// AlipayHK holds an older version of these items, so they are wrong in the app although nothing is pending.
function showStale(count, oldest) {
  byId("outdated").hidden = count === 0;
  const text = JSON.stringify([count, oldest]);
  if (byId("outdated").dataset.text === text) return;
  byId("outdated").dataset.text = text;
  if (!oldest) return;
  byId("outdated-text").replaceChildren(
    `AlipayHK holds an older version of ${number(count)} ${count === 1 ? "item" : "items"}, because a newer one is not valid. The first one: `,
    opener(oldest.contentId), ", since ", when(oldest.since), ": ", foreign(oldest.message));
}

function showPauses(pauses) {
  byId("paused").hidden = pauses.length === 0;
  byId("pause").hidden = pauses.some(pause => !pause.contentType);
  const text = JSON.stringify(pauses);
  if (byId("paused").dataset.text === text) return;
  byId("paused").dataset.text = text;
  byId("paused-text").replaceChildren(...pauses.map(pause => element("p", {},
    foreign(pause.by), " paused ", sendingOf(pause), " ", when(pause.since), ": ", foreign(pause.reason), ". Items are still accepted. ",
    element("button", { type: "button", onclick: event => resume(pause, event.currentTarget) }, "Resume …"))));
}

function sendingOf(pause) {
  return pause.contentType ? element("span", {}, "sending ", foreign(pause.contentType)) : "all sending";
}

async function pauseAll() {
  if (!await choice(byId("pause-dialog"))) return;
  await act(async () => {
    await call("POST", "/api/sending/pause", { by: byId("pause-by").value, reason: byId("pause-reason").value });
    byId("pause-reason").value = "";
    return "Sending is paused.";
  });
}

async function resume(pause, button) {
  const what = pause.contentType ? `sending ${pause.contentType}` : "all sending";
  if (!await confirmed(`Resume ${what}? ${pause.by} paused it: ${pause.reason}`, "Resume", "Leave it paused")) return;
  button.disabled = true;
  await act(async () => {
    await call("POST", "/api/sending/resume", pause.contentType ? { contentType: pause.contentType } : {});
    return "Sending is resumed.";
  });
  button.disabled = false;
}

function showBudget(budget) {
  byId("budget").hidden = !budget;
  if (!budget) return;
  const use = budget.instances === 0
    ? "no instance is sending"
    : `${number(budget.leasedPerSecond)} leased by ${number(budget.instances)} ${budget.instances === 1 ? "instance" : "instances"}, `
      + `which could use ${number(budget.wantedPerSecond)}; callers waiting: ${number(budget.waiting)}`;
  const vaults = budget.vaults.map(vault => ` Vault ${vault.vault}: ${number(vault.signaturesPerSecond)} signatures per second, ${vault.state}.`);
  set("budget", `Send budget: ${number(budget.perSecond)} per second; ${use}.${vaults.join("")}`);
}

function showCircuit(open) {
  if (open) {
    const cause = words[open.cause] ?? open.cause;
    byId("circuit-cause").replaceChildren(`${cause}: `, element("code", {}, foreign(open.code)), " ", foreign(open.message));
    set("circuit-advice", open.advice);
    byId("circuit-times").replaceChildren("Opened ", when(open.since), ". Items are still accepted. Next probe: ", ago(open.nextProbe), ".");
  }
  byId("circuit").hidden = !open;
}

// Tables: unchanged rows are reused, so that focus and selection stay in place --------------------

function fill(id, rows, make) {
  const body = byId(id).tBodies[0];
  const old = new Map([...body.rows].map(row => [row.dataset.key, row]));
  const fresh = rows.map(row => {
    const name = row.contentId ?? row.runId ?? `${row.state} ${row.parkReason} ${row.code}`;
    const present = old.get(name);
    const text = JSON.stringify(row);
    if (present && present.dataset.text === text) return present;
    const made = make(row);
    made.dataset.key = name;
    made.dataset.text = text;
    return made;
  });
  if (fresh.length !== body.rows.length || fresh.some((row, i) => body.rows[i] !== row)) {
    const focused = document.activeElement?.closest("tr")?.dataset.key;
    const inside = body.contains(document.activeElement);
    body.replaceChildren(...fresh);
    if (inside) [...body.rows].find(row => row.dataset.key === focused)?.querySelector("button")?.focus();
  }
  byId(`${id}-none`).hidden = rows.length > 0;
}

function causeRow(cause) {
  const examples = cause.contentIds.flatMap(contentId => [" ", opener(contentId)]);
  const others = cause.count - cause.contentIds.length;
  const view = { state: cause.state, code: cause.code, reason: cause.parkReason };
  const more = others === 0 ? null : cause.code ? element("a", { href: viewOf(view) }, `and ${number(others)} more`) : `and ${number(others)} more`;
  const state = cause.state === "parked" ? words[cause.parkReason] ?? cause.parkReason : "retried automatically";
  return element("tr", {},
    cell("Items", element("strong", { class: cause.state === "parked" ? "bad" : "warn" }, number(cause.count)), ...examples, " ", more),
    cell("Cause",
      cause.code ? element("code", {}, foreign(cause.code)) : "other codes", " ", foreign(cause.message),
      element("span", { class: "quiet" }, state)),
    element("td", { class: "when", "data-label": "Since" }, when(cause.since), element("span", { class: "quiet" }, "last ", ago(cause.newest))),
    cell("Trend", ...(cause.growth ? growthParts(cause.growth) : [element("span", { class: "quiet" }, "no figures yet")])),
    cell("What to do", cause.advice),
    action(cause.state === "parked" && cause.code ? element("button",
      { type: "button", "aria-label": `Replay all items with ${cause.code}`, onclick: () => replayAll({ code: cause.code, reason: cause.parkReason }) },
      "Replay all …") : null));
}

function itemRow(item) {
  const tone = { synchronized: "good", parked: "bad" }[item.state] ?? "warn";
  return element("tr", {},
    cell("Item", opener(item.contentId)),
    cell("State", element("span", { class: tone }, item.state), item.stale ? element("strong", { class: "bad" }, " stale") : null,
      item.parkReason ? element("span", { class: "quiet" }, words[item.parkReason] ?? item.parkReason) : null),
    element("td", { class: "when", "data-label": "When" }, when(item.lastAttempt?.at ?? item.acceptedAt)),
    cell("Code", item.lastAttempt ? element("code", {}, foreign(item.lastAttempt.code)) : element("span", { class: "quiet" }, "not attempted yet")),
    action(item.state === "parked" ? replayButton(item.contentId) : null));
}

const action = button => element("td", { class: "action" }, button);

const cell = (label, ...children) => element("td", { "data-label": label }, ...children);

const opener = contentId => element("button", { class: "link", type: "button", onclick: () => open(contentId) }, foreign(contentId));

const replayButton = contentId => element("button",
  { type: "button", "aria-label": `Replay ${contentId}`, onclick: event => replay(contentId, event.currentTarget) },
  "Replay");

// Trends --------------------------------------------------------------------------------------

async function showTrends(now) {
  if (!now && Date.now() - trendsAt < trendsMilliseconds) return;
  trendsAt = Date.now();
  const note = byId("trends-note");
  try {
    const day = byId("trends-window").value === "day";
    hourTrends = await call("GET", "/api/trends", undefined, requestMilliseconds);
    const trends = day ? await call("GET", "/api/trends?window=day", undefined, requestMilliseconds) : hourTrends;
    if (JSON.stringify(trends) !== JSON.stringify(shownTrends)) showCharts(byId("trends"), trends);
    shownTrends = trends;
    note.hidden = true;
  } catch (fault) {
    if (fault.status === 401) throw fault;
    note.textContent = `The trends cannot be read${shownTrends ? `; these end at ${absolute(shownTrends.to)}` : ""}. ${fault.message}`;
    note.hidden = false;
  }
}

// Items ---------------------------------------------------------------------------------------

// The address of a view: it can be kept, sent to someone, and opened again.
function viewOf(wanted) {
  const set = filterNames.filter(name => wanted[name]).map(name => [name, wanted[name]]);
  return `#/items?${new URLSearchParams(set)}`;
}

function queryOf(wanted) {
  return new URLSearchParams(filterNames.filter(name => wanted[name]).map(name => [name, wanted[name]]));
}

async function loadItems() {
  const query = queryOf(filter);
  query.set("limit", itemsShown);
  const page = await call("GET", `/api/content?${query}`);
  lastItems = page.items;
  fill("items", page.items, itemRow);
  showCodes(page.items.map(item => item.lastAttempt?.code));
  const isWholeParked = JSON.stringify(filter) === JSON.stringify({ state: "parked" });
  set("items-none", isWholeParked ? "None parked. Nothing needs your attention." : page.continuation ? "None found so far." : "No item matches the filter.");
  const searched = page.searched === undefined ? "" : ` ${number(Math.round(page.searched * 100))} % of the ledger was searched.`;
  byId("items-note").hidden = !page.continuation;
  set("items-note", `The first ${number(page.items.length)}; more follow.${searched} Export has all of them.`);
  byId("items-more").hidden = !page.continuation || itemsShown >= pageSize;
  byId("replay-all").hidden = filter.state !== "parked";
  byId("replay-all").disabled = page.items.length === 0 || Boolean(filter.prefix || filter.stale);
}

function showCodes(codes) {
  const known = new Set([...byId("codes").options].map(option => option.value));
  for (const code of codes) {
    if (!code || known.has(code)) continue;
    known.add(code);
    byId("codes").append(element("option", { value: code }));
  }
}

// The form and the address say the same.
function showFilter() {
  for (const name of filterNames) {
    const field = byId("filter").elements[name];
    if (name === "stale") field.checked = filter.stale === "true";
    else if (name === "from" || name === "to") field.value = filter[name] ? local(filter[name]) : "";
    else field.value = filter[name] ?? "";
  }
}

// The form's times are in the viewer's zone and have none; the address and the API have UTC.
function local(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.valueOf()) ? "" : new Date(at.valueOf() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function readFilter() {
  const form = byId("filter").elements;
  const read = name => name === "stale" ? (form.stale.checked ? "true" : "")
    : (name === "from" || name === "to") && form[name].value ? new Date(form[name].value).toISOString()
    : form[name].value.trim();
  return Object.fromEntries(filterNames.map(name => [name, read(name)]).filter(([, value]) => value));
}

// Export --------------------------------------------------------------------------------------

function showExports() {
  for (const place of document.querySelectorAll(".exports")) {
    const list = place.dataset.list;
    place.append("Export ", ...["csv", "ndjson"].flatMap(format => [element("button",
      { class: "link", type: "button", "aria-label": `Export ${list} as ${format.toUpperCase()}`, onclick: () => exportList(list, format) },
      format.toUpperCase()), " "]));
  }
}

async function exportList(list, format) {
  if (list === "items") return exportItems(format);
  const rows = { causes: lastState?.causes, resyncs: lastState?.resyncs, trends: shownTrends?.steps }[list] ?? [];
  saveRows(list, format, rows);
  toast(`Exported ${number(rows.length)} rows.`);
}

async function exportItems(format) {
  const note = byId("export-note");
  const rows = [];
  let isStopped = false;
  const count = element("span", {});
  note.replaceChildren(count, " ", element("button", { class: "link", type: "button", onclick: () => { isStopped = true; } }, "Stop"));
  note.hidden = false;
  try {
    const query = queryOf(filter);
    query.set("limit", pageSize);
    do {
      const page = await call("GET", `/api/content?${query}`);
      rows.push(...page.items);
      count.textContent = `Reading: ${number(rows.length)} items.`;
      if (!page.continuation) query.delete("continuation");
      else query.set("continuation", page.continuation);
    } while (query.has("continuation") && rows.length < maxExported && !isStopped);
    saveRows("items", format, rows);
    const isWhole = !query.has("continuation");
    note.textContent = isWhole ? `Exported all ${number(rows.length)} items.`
      : `Exported only the first ${number(rows.length)} items. "contentsync list" and GET /api/ledger/export have no such limit.`;
  } catch (fault) {
    note.textContent = `Nothing was exported: ${fault.message}`;
  }
}

async function replay(contentId, button) {
  button.disabled = true;
  await act(async () => {
    await call("POST", itemUrl(contentId, "/replay"));
    return `${contentId} is being sent again.`;
  });
  button.disabled = false;
  if (byId("item").open) await showItem(contentId);
}

// Resyncs -------------------------------------------------------------------------------------

function showResyncs(state) {
  const source = byId("resync-source");
  if ([...source.options].map(option => option.value).join() !== state.resyncSources.join()) {
    const labels = { ledger: "ledger: resend pending and failed items" };
    source.replaceChildren(...state.resyncSources.map(name => element("option", { value: name }, labels[name] ?? name)));
    showShare();
  }
  const running = state.resyncs.filter(run => run.state === "planning" || run.state === "sending");
  const shown = byId("resyncs-now");
  for (const gone of [...shown.children].filter(card => !running.some(run => run.runId === card.dataset.key))) gone.remove();
  for (const run of running) showRun([...shown.children].find(card => card.dataset.key === run.runId) ?? newRun(run), run);
  fill("resyncs", state.resyncs.filter(run => !running.includes(run)), resyncRow);
  if (running.length > 0) byId("resyncs-none").hidden = true;
}

// A card is created once and then updated, so that its button keeps the focus.
function newRun(run) {
  const card = element("article", { class: "run", "aria-label": `Resync of ${run.source ?? run.sourceName}` },
    element("p", { class: "heading" },
      element("strong", { class: "run-name" }),
      element("button", { type: "button", onclick: event => cancelRun(run, event.currentTarget) }, "Cancel")),
    element("progress", { "aria-label": "Progress" }),
    element("p", { class: "run-counts" }),
    element("p", { class: "run-message quiet" }),
    element("div", { class: "run-issues" }));
  card.dataset.key = run.runId;
  byId("resyncs-now").append(card);
  return card;
}

function showRun(card, run) {
  const put = (css, source, ...children) => {
    const text = JSON.stringify(source);
    const shown = card.querySelector(css);
    if (shown.dataset.text === text) return;
    shown.dataset.text = text;
    shown.replaceChildren(...children);
  };
  put(".run-name", [run.state, run.snapshot], sourceOf(run), `: ${words[run.state] ?? run.state}`);
  const bar = card.querySelector("progress");
  if (run.counts) {
    const done = run.counts.planned - run.counts.remaining;
    bar.max = Math.max(1, run.counts.planned);
    bar.value = done;
    put(".run-counts", [run.counts, run.ratePerSecond],
      `${number(done)} of ${number(run.counts.planned)}: ${outcomesOf(run.counts)}. ${number(run.ratePerSecond)} per second`,
      ...(run.estimatedEnd ? [", done ", ago(run.estimatedEnd)] : []),
      ".");
  } else {
    bar.removeAttribute("value");
  }
  put(".run-message", run.message, foreign(run.message));
  put(".run-issues", run.issues.length, ...issuesOf(run));
}

function sourceOf(run) {
  if (!run.source) return foreign(run.sourceName);
  return foreign(run.snapshot && run.snapshot !== run.source ? `${words[run.source]} ${run.snapshot}` : words[run.source]);
}

function outcomesOf(counts) {
  const names = ["sent", "unchanged", "superseded", "failed", "parked"].filter(name => counts[name] > 0);
  return names.map(name => `${number(counts[name])} ${name}`).join(", ") || (counts.planned > 0 ? "nothing yet" : "nothing to send");
}

function planOf(plan) {
  const counts = [
    [plan.new, "new"], [plan.changed, "changed"], [plan.unchanged, "unchanged"], [plan.newer, "newer than the catalog"],
    [plan.vanished, "to delist"], [plan.absent, "absent, not delisted yet"], [plan.invalid, "invalid"],
  ];
  return counts.filter(([count]) => count > 0).map(([count, name]) => `${number(count)} ${name}`).join(", ") || "an empty catalog";
}

function resyncRow(run) {
  return element("tr", {},
    element("td", { class: "when", "data-label": "When" }, when(run.endedAt ?? run.updatedAt)),
    cell("Source", sourceOf(run)),
    cell("Result", element("strong", { class: tone[run.state] }, words[run.state] ?? run.state)),
    cell("Items", run.counts ? outcomesOf(run.counts) : run.plan ? planOf(run.plan) : "", ...planDetails(run)),
    cell("Details", foreign(run.message), run.faultLine ? ` (line ${number(run.faultLine)})` : null, ...issuesOf(run)));
}

// Whether the plan needs a larger share, and which newer changes it would leave or override.
function planDetails(run) {
  if (run.state !== "planned" || !run.plan) return [];
  const newer = run.newer ?? [];
  return newer.length === 0 ? [] : [element("details", {},
    element("summary", {}, `Newer than the catalog: ${number(run.plan.newer)}`),
    element("ul", {}, ...newer.map(contentId => element("li", {}, opener(contentId)))))];
}

function issuesOf(run) {
  if (run.issues.length === 0) return [];
  const isPartial = run.plan && run.plan.invalid > run.issues.length;
  const title = isPartial ? `The first ${run.issues.length} of ${number(run.plan.invalid)} invalid items` : `${run.issues.length} invalid`;
  return [element("details", {},
    element("summary", {}, title),
    element("ul", {}, ...run.issues.map(issue => element("li", {},
      foreign(issue.place), ": ",
      issue.contentId ? element("code", {}, foreign(issue.contentId)) : null, " ",
      foreign(issue.message)))))];
}

function showShare() {
  const catalog = byId("resync-source").value === "catalog";
  byId("resync-share-field").hidden = !catalog;
  byId("resync-share-note").hidden = !catalog;
  byId("resync-override-field").hidden = !catalog;
  byId("resync-again-field").hidden = !catalog;
}

async function startRun(dryRun) {
  const source = byId("resync-source").value;
  const share = byId("resync-share").value;
  const override = source === "catalog" && byId("resync-override").checked;
  // A dry run plans a catalog that was handled before too: otherwise it would show nothing.
  const again = source === "catalog" && (dryRun || byId("resync-again").checked);
  const request = {
    source, dryRun,
    ...(again ? { again } : {}),
    ...(source === "catalog" && share !== "" ? { allowDelist: Number(share) / 100 } : {}),
    ...(override ? { overrideNewer: true } : {}),
  };
  if (!dryRun) {
    const what = source === "catalog"
      ? "Bring AlipayHK in sync with the catalog? New and changed items are sent, and items that are no longer in the catalog are delisted"
        + (request.allowDelist === undefined ? "." : `, up to ${share} % of the listed items.`)
        + (override ? " This is a rollback: the catalog replaces every newer change." : "")
        + (again ? " It runs although this catalog may have been handled before." : "")
      : "Resend the items of the ledger that are pending, failed or of unknown outcome?";
    if (!await confirmed(what, "Start", "Do not start")) return;
  }
  await act(async () => {
    await call("POST", "/api/resyncs", request);
    byId("resync-share").value = "";
    byId("resync-override").checked = false;
    byId("resync-again").checked = false;
    return dryRun ? "Dry run started; nothing is sent." : "The resync has started.";
  });
}

async function cancelRun(run, button) {
  const text = "Cancel this resync permanently? Items that it has already accepted are still delivered.";
  if (!await confirmed(text, "Cancel the resync", "Keep it running")) return;
  button.disabled = true;
  await act(async () => {
    await call("POST", `/api/resyncs/${encodeURIComponent(run.runId)}/cancel`);
    return "The resync is cancelled.";
  });
  button.disabled = false;
}

async function confirmed(text, yes, no) {
  set("confirm-text", text);
  set("confirm-yes", yes);
  set("confirm-no", no);
  return choice(byId("confirm"));
}

// Opens a dialog whose safe button has the focus.
async function choice(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise(closed => dialog.addEventListener("close", closed, { once: true }));
  return dialog.returnValue === "yes";
}

async function replayAll(wanted) {
  const named = {
    ...(wanted.code ? { code: wanted.code } : {}), ...(wanted.reason ? { reason: wanted.reason } : {}),
    ...(wanted.type ? { type: wanted.type } : {}), ...(wanted.from ? { from: wanted.from } : {}), ...(wanted.to ? { to: wanted.to } : {}),
  };
  const request = Object.keys(named).length > 0 ? named : { all: true };
  await act(async () => {
    const dry = await call("POST", "/api/content/replay", { ...request, dryRun: true });
    const codes = Object.entries(dry.codes).map(([name, count]) => `${count} × ${name || "no code"}`).join(", ");
    const text = `Send ${number(dry.matched)}${dry.more ? " or more" : ""} parked items again, unchanged? (${codes}) `
      + "AlipayHK is likely to reject again what it rejected for its content.";
    if (!await confirmed(text, "Replay", "Leave them parked")) return null;
    const done = await call("POST", "/api/content/replay", request);
    return `${number(done.replayed)} items are being sent again.`;
  });
}

async function act(work) {
  try {
    const message = await work();
    if (message) toast(message);
    parkedCounts = "";
    await refresh();
  } catch (fault) {
    toast(fault.message);
  }
}

function toast(text) {
  const shown = byId("toast");
  shown.replaceChildren(foreign(text));
  shown.classList.add("shown");
  setTimeout(() => shown.classList.remove("shown"), 6000);
}

// One item ------------------------------------------------------------------------------------

function open(contentId) {
  location.hash = "#/content/" + encodeURIComponent(contentId);
}

async function followHash() {
  const dialog = byId("item");
  const item = location.hash.match(/^#\/content\/(.+)$/);
  if (!item) {
    if (dialog.open) dialog.close();
    const list = location.hash.match(/^#\/items(?:\?(.*))?$/);
    if (list) await showView(new URLSearchParams(list[1] ?? ""));
    const window = location.hash.match(/^#\/trends\?window=(hour|day)$/);
    if (window) await showWindow(window[1]);
    return;
  }
  const contentId = unescaped(item[1]);
  byId("item-title").replaceChildren(foreign(contentId));
  byId("item-state").textContent = "Loading …";
  byId("item-body").replaceChildren();
  if (!dialog.open) dialog.showModal();
  await showItem(contentId);
}

async function showWindow(window) {
  listHash = location.hash;
  byId("trends-window").value = window;
  await act(() => showTrends(true));
  byId("trends-title").scrollIntoView();
}

async function showView(query) {
  const wanted = Object.fromEntries(filterNames.map(name => [name, query.get(name)]).filter(([, value]) => value));
  listHash = location.hash;
  if (JSON.stringify(wanted) !== JSON.stringify(filter)) {
    filter = wanted;
    itemsShown = 25;
    await act(loadItems);
  }
  showFilter();
  byId("items-title").scrollIntoView();
}

// A hand-typed address may contain a % that escapes nothing.
function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function showItem(contentId) {
  try {
    const item = await call("GET", itemUrl(contentId));
    const state = byId("item-state");
    state.replaceChildren(
      element("strong", { class: { synchronized: "good", parked: "bad" }[item.state] ?? "warn" }, item.state),
      item.parkReason ? `, ${words[item.parkReason] ?? item.parkReason} ` : " ");
    if (item.stale) state.append(element("strong", { class: "bad" }, "stale "));
    if (item.state === "tombstone") state.append("delisted before any content of it was accepted; nothing was sent ");
    if (item.state === "parked") state.append(replayButton(item.contentId));
    byId("item-body").replaceChildren(...itemParts(item));
  } catch (fault) {
    byId("item-state").replaceChildren(foreign(fault.message));
    byId("item-body").replaceChildren();
  }
}

function itemParts(item) {
  const history = [...(item.history ?? (item.lastAttempt ? [item.lastAttempt] : []))].reverse();
  const isMovie = history.some(attempt => attempt.templateCode || attempt.templateStatus);
  const columns = ["When", "Revision", "Code", "Message", "Request", "Tracer-Id", ...(isMovie ? ["Template"] : [])];
  const attempts = element("table", { id: "history" },
    element("caption", { class: "hidden" }, "Attempts, newest first"),
    element("thead", {}, element("tr", {}, ...columns.map(name => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...history.map(attempt => element("tr", {},
      element("td", { class: "when", "data-label": "When" }, when(attempt.at)),
      cell("Revision", attempt.revision ? foreign(attempt.revision) : "not recorded"),
      cell("Code", element("code", {}, foreign(attempt.code))),
      cell("Message", foreign(attempt.message)),
      cell("Request", element("code", {}, foreign(attempt.requestId))),
      cell("Tracer-Id", attempt.tracerId ? element("code", {}, foreign(attempt.tracerId)) : "none"),
      isMovie ? templateCell(attempt) : null))));
  return [
    element("h3", {}, "What to do"),
    element("p", { id: "item-advice" }, ...whatToDo(item)),
    fields(item),
    element("h3", {}, "Attempts"),
    history.length > 0 ? attempts : element("p", { class: "quiet" }, "None yet."),
    ...sentParts(item),
    element("h3", {}, "contentInfo"),
    element("pre", { tabindex: "0" }, foreign(indented(item.contentInfo ?? ""))),
    ...(item.state === "parked" && item.contentType
      ? [element("details", { id: "correct" }, element("summary", {}, "Correct it and send it as a new version"), ...editParts(item))] : []),
  ];
}

function whatToDo(item) {
  if (item.stale) return ["AlipayHK holds an older version. Correct the item at its source and send it again: ", foreign(item.stale.message)];
  if (item.state === "synchronized") return ["Nothing: AlipayHK acknowledged this version."];
  if (item.state === "tombstone") return ["Nothing: no content of it was ever accepted, so nothing is sent."];
  if (item.state === "parked") return [item.advice ?? "Correct the item, or replay it."];
  const pause = lastState?.pauses.find(pause => !pause.contentType || pause.contentType === item.contentType);
  if (pause) return ["It waits, because ", foreign(pause.by), " paused ", sendingOf(pause), ": ", foreign(pause.reason), "."];
  if (lastState?.stop) return ["It waits, because the circuit breaker is open. ", lastState.stop.advice];
  return [item.advice ?? "Nothing: it waits for its first attempt."];
}

function sentParts(item) {
  const sent = [...(item.sent ?? [])].reverse();
  if (sent.length === 0) return [];
  return [
    element("h3", {}, "Sent"),
    element("table", { id: "sent" },
      element("caption", { class: "hidden" }, "Requests that were sent, newest first"),
      element("thead", {}, element("tr", {},
        ...["When", "Revision", "Outcome", "Digest"].map(name => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...sent.map(request => element("tr", {},
        element("td", { class: "when", "data-label": "When" }, when(request.at)),
        cell("Revision", foreign(request.revision)),
        cell("Outcome", `${words[request.outcome] ?? request.outcome}: `, element("code", {}, foreign(request.code))),
        cell("Digest", element("code", { title: request.digest }, request.digest.slice(0, 12)),
          request.contentInfo ? element("details", {},
            element("summary", {}, "contentInfo"), element("pre", {}, foreign(indented(request.contentInfo)))) : null))))),
    ...compareParts(item, sent),
  ];
}

// Two versions side by side, where their bodies are kept.
function compareParts(item, sent) {
  const versions = [
    ...(item.contentInfo ? [{ name: `accepted ${absolute(item.acceptedAt)}`, text: item.contentInfo }] : []),
    ...sent.filter(request => request.contentInfo)
      .map(request => ({ name: `sent ${absolute(request.at)}, revision ${request.revision}`, text: request.contentInfo })),
  ];
  const lacking = sent.filter(request => !request.contentInfo).length;
  const note = lacking === 0 ? null : element("p", { class: "quiet", id: "sent-note" },
    `The contentInfo of ${lacking === sent.length ? "these requests" : `${number(lacking)} of these requests`} was not kept; equal digests mean equal content. `,
    "The setting ", element("code", {}, "Retention__SentBodies"), " keeps it from now on.");
  if (versions.length < 2) return note ? [note] : [];
  const select = chosen => element("select", {}, ...versions.map(({ name }, i) => element("option", { value: i, selected: i === chosen }, name)));
  const [older, newer] = [select(1), select(0)];
  const shown = element("pre", { id: "difference", tabindex: "0" });
  const compare = () => {
    const lines = compareLines(indented(versions[older.value].text), indented(versions[newer.value].text));
    const isEqual = lines.every(([kind]) => kind === " ");
    const names = { "-": "del", "+": "ins", " ": "span" };
    shown.replaceChildren(...(isEqual ? ["No difference."] : lines.flatMap(([kind, line]) => [element(names[kind], {}, `${kind} `, foreign(line)), "\n"])));
  };
  older.addEventListener("change", compare);
  newer.addEventListener("change", compare);
  compare();
  return [
    element("h3", {}, "Difference"),
    element("p", { class: "row" }, element("label", {}, "From ", older), " ", element("label", {}, "to ", newer)),
    shown,
    ...(note ? [note] : []),
  ];
}

// A parked item is corrected here: checked first, then sent as a new version.
function editParts(item) {
  const text = element("textarea", { id: "edit", rows: 12, spellcheck: "false", "aria-label": "contentInfo as JSON" });
  text.value = indented(item.contentInfo ?? "{}");
  const revision = element("input", { id: "edit-revision", inputmode: "numeric", size: 20, value: /^\d+$/.test(item.revision) ? `${BigInt(item.revision) + 1n}` : "" });
  const result = element("div", { id: "edit-result", role: "status" });
  const body = () => {
    const parts = [["contentId", JSON.stringify(item.contentId)], ["contentType", JSON.stringify(item.contentType)],
      ["contentStatus", item.contentStatus], ...(revision.value.trim() ? [["revision", revision.value.trim()]] : []), ["contentInfo", text.value]];
    return `{${parts.map(([name, value]) => `"${name}":${value}`).join(",")}}`;
  };
  return [
    text,
    element("p", { class: "row" },
      element("label", {}, "Revision ", revision),
      element("button", { type: "button", id: "edit-check", onclick: () => check(item, body(), result) }, "Check"),
      element("button", { type: "button", id: "edit-send", onclick: event => sendEdited(item, body(), result, event.currentTarget) }, "Send as a new version …")),
    element("p", { class: "quiet" }, "Without a revision, the time of sending counts. The source of the item should get the same correction: it may overwrite this one."),
    result,
  ];
}

async function check(item, body, result) {
  try {
    JSON.parse(body);
    const preview = await call("POST", "/api/content/preview", body);
    if (preview.current?.revision !== item.revision) throw new Error("The item has changed since this page was loaded. Close it and open it again.");
    const isAccepted = preview.decision === "accepted";
    result.replaceChildren(element("p", { class: isAccepted ? "good" : "bad" }, `${isAccepted ? "Valid. " : ""}${preview.explanation}`));
    return isAccepted;
  } catch (fault) {
    const errors = fault.errors ?? [];
    result.replaceChildren(
      element("p", { class: "bad" }, foreign(fault instanceof SyntaxError ? `This is not JSON: ${fault.message}` : fault.message)),
      element("ul", {}, ...(errors.length > 1 ? errors : []).map(error => element("li", {}, element("code", {}, foreign(error.pointer)), " ", foreign(error.message)))));
    return false;
  }
}

async function sendEdited(item, body, result, button) {
  if (!await check(item, body, result)) return;
  if (!await confirmed(`Send ${item.contentId} to AlipayHK with this contentInfo as a new version?`, "Send", "Do not send")) return;
  button.disabled = true;
  await act(async () => {
    try {
      const done = await call("POST", "/api/content", body);
      return `${item.contentId} is ${done.state}.`;
    } finally {
      await showItem(item.contentId);
    }
  });
  button.disabled = false;
}

// Counts by name; hidden if there are fewer names than are worth a line.
function showChips(id, title, counts, atLeast) {
  const names = Object.entries(counts);
  byId(id).hidden = names.length < atLeast;
  byId(id).replaceChildren(title, ...names.map(([name, count]) => element("span", { class: "chip" }, foreign(name), ` ${number(count)}`)));
}

function templateCell(attempt) {
  return cell("Template",
    attempt.templateStatus ? foreign(attempt.templateStatus) : "none",
    attempt.templateCode ? element("span", { class: "quiet" }, foreign(attempt.templateCode)) : null);
}

function fields(item) {
  const pairs = [
    ["Type", item.contentType],
    ["Status", item.contentStatus === 1 ? "1, listed" : "0, delisted"],
    ["Revision", item.revision],
    ["Accepted", when(item.acceptedAt)],
    ["Attempts spent", item.attempts],
    ["Next attempt", item.dueAt && when(item.dueAt)],
    ["AlipayHK holds", item.synchronizedRevision && `revision ${item.synchronizedRevision}`],
    ["Acknowledged", item.synchronizedAt && when(item.synchronizedAt)],
    ["Refused since", item.stale && when(item.stale.since)],
    ["Refused revision", item.stale && `${item.stale.revision}, ${item.stale.code}: ${item.stale.message}`],
    ["Request id", item.requestId],
    ["Template", item.templateCode && `${item.templateCode}, ${item.templateStatus ?? "no status"}`],
  ];
  return element("dl", { class: "fields" }, ...pairs.filter(([, value]) => value !== undefined && value !== null).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value instanceof Node ? value : foreign(value))]));
}

byId("search").addEventListener("submit", event => {
  event.preventDefault();
  const contentId = byId("search-id").value.trim();
  if (contentId) open(contentId);
});
byId("key-form").addEventListener("submit", event => {
  event.preventDefault();
  key.set(byId("key").value);
  byId("key").value = "";
  refresh();
});
byId("item").addEventListener("close", () => history.replaceState(null, "", location.pathname + listHash));
byId("filter").addEventListener("submit", event => {
  event.preventDefault();
  const view = viewOf(readFilter());
  if (location.hash === view) act(loadItems);
  else location.hash = view;
});
byId("items-more").addEventListener("click", () => act(async () => { itemsShown = Math.min(pageSize, itemsShown + 50); await loadItems(); }));
byId("trends-window").addEventListener("change", event => { location.hash = `#/trends?window=${event.target.value}`; });
byId("pause").addEventListener("click", pauseAll);
byId("replay-all").addEventListener("click", () => replayAll(filter));
byId("resync-source").addEventListener("change", showShare);
byId("resync-start").addEventListener("submit", event => {
  event.preventDefault();
  startRun(event.submitter?.value !== "run");
});
addEventListener("hashchange", followHash);
document.addEventListener("visibilitychange", refresh);
showExports();
refresh().then(followHash);

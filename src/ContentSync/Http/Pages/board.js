import { ago, call, element, foreign, key, tick } from "./client.js";

const every = 2000;
const one = id => document.getElementById(id);
const words = {
  rejected: "rejected by AlipayHK", attemptsExhausted: "every attempt was spent", ageExceeded: "not acknowledged in time",
  configurationFault: "AlipayHK does not accept how we call", breaker: "too many failures in a row",
  catalog: "catalog", ledger: "ledger", planning: "planning", sending: "sending", completed: "completed", planned: "dry run", cancelled: "cancelled",
  noSnapshot: "no catalog", handledAlready: "handled already", refused: "refused", stopped: "stopped by the guard",
};
const tone = { completed: "good", refused: "bad", stopped: "bad", noSnapshot: "warn", cancelled: "warn" };
const number = value => value.toLocaleString("en");

let parkedShown = 25;
let parkedSeen = "";
let timer = 0;

// Live figures ---------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  try {
    if (!document.hidden) await show(await call("GET", "/api/board/state"));
  } catch (fault) {
    lost(fault);
  }
  tick();
  timer = setTimeout(refresh, every);
}

function lost(fault) {
  if (fault.status === 401) {
    one("main").hidden = true;
    if (one("key-form").hidden) {
      one("key-form").hidden = false;
      one("key").focus();
    }
    if (key.get()) one("key-note").textContent = "That key is not the one. " + fault.message;
    live("A key is asked for", true);
  } else {
    live(fault.status ? fault.message : "The host does not answer; trying again", true);
  }
}

function live(text, bad) {
  const shown = one("live");
  if (shown.textContent !== text) shown.textContent = text;
  shown.classList.toggle("bad", bad);
}

async function show(state) {
  one("key-form").hidden = true;
  one("main").hidden = false;
  live(Date.parse(state.now) - Date.parse(state.countedAt) < 10000 ? "Live" : `Live, counted at ${new Date(state.countedAt).toLocaleTimeString()}`, false);
  showStop(state.stop);
  for (const [name, count] of Object.entries(state.states)) set(`count-${name}`, number(count));
  set("rate", number(state.synchronizedInTheLastMinute));
  const total = Object.values(state.states).reduce((sum, count) => sum + count, 0);
  set("note-synchronized", total === 0 ? "nothing accepted yet" : `of ${number(total)} contents`);
  set("note-parked", Object.entries(state.parkReasons).filter(([, count]) => count > 0).map(([reason, count]) => `${number(count)} ${words[reason] ?? reason}`).join(", ") || "nothing waits for a person");
  one("note-pending").replaceChildren(...(state.oldestPending ? ["oldest: ", opener(state.oldestPending.contentId), " ", ago(state.oldestPending.acceptedAt)] : ["nothing waits"]));
  const templates = Object.entries(state.templateStatuses);
  one("templates").hidden = templates.length === 0;
  one("templates").replaceChildren("Card templates:", ...templates.map(([status, count]) => element("span", { class: "chip" }, foreign(status), ` ${number(count)}`)));
  fill("failures", state.failures, failureRow);
  showCodes(state.failures);
  showResyncs(state);
  const parkedNow = JSON.stringify([state.states.parked, state.parkReasons]);
  if (parkedNow !== parkedSeen) {
    await loadParked();
    parkedSeen = parkedNow;
  }
}

function set(id, text) {
  const shown = one(id);
  if (shown && shown.textContent !== text) shown.textContent = text;
}

function showStop(stop) {
  const shown = one("stop");
  if (stop) {
    one("stop-what").replaceChildren(`${words[stop.cause] ?? stop.cause}: `, element("code", {}, foreign(stop.code)), " ", foreign(stop.message));
    set("stop-advice", stop.advice);
    one("stop-when").replaceChildren("Since ", ago(stop.since), ". Items are still accepted. The next probe: ", ago(stop.nextProbe), ".");
  }
  shown.hidden = !stop;
}

// Tables: rows are kept by their content, so that focus and selection stay where they are ---------

function fill(id, rows, make) {
  const body = one(id).tBodies[0];
  const old = new Map([...body.rows].map(row => [row.dataset.key, row]));
  const fresh = rows.map(row => {
    const name = row.contentId ?? row.runId;
    const kept = old.get(name);
    const text = JSON.stringify(row);
    if (kept && kept.dataset.text === text) return kept;
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
  one(`${id}-none`).hidden = rows.length > 0;
}

function failureRow(failure) {
  const last = failure.lastAttempt;
  return element("tr", {},
    cell("Content", opener(failure.contentId), element("span", { class: "quiet" }, foreign(failure.contentType))),
    element("td", { class: "when", "data-label": "When" }, ago(last.at), element("span", { class: "quiet" }, failure.state === "parked" ? "parked" : `attempt ${failure.attempts}`)),
    cell("What AlipayHK said", element("code", {}, foreign(last.code)), " ", foreign(last.message)),
    cell("What to do", failure.advice),
    cell(undefined, failure.state === "parked" ? replayButton(failure.contentId) : null));
}

function parkedRow(item) {
  return element("tr", {},
    cell("Content", opener(item.contentId)),
    cell("Why", words[item.parkReason] ?? item.parkReason),
    element("td", { class: "when", "data-label": "When" }, item.lastAttempt ? ago(item.lastAttempt.at) : ""),
    cell("Code", item.lastAttempt ? element("code", {}, foreign(item.lastAttempt.code)) : null),
    cell(undefined, replayButton(item.contentId)));
}

const cell = (label, ...children) => element("td", { "data-label": label }, ...children);

const opener = contentId => element("button", { class: "link", type: "button", onclick: () => open(contentId) }, foreign(contentId));

const replayButton = contentId => element("button", { type: "button", "aria-label": `Replay ${contentId}`, onclick: event => replay(contentId, event.currentTarget) }, "Replay");

// Parked --------------------------------------------------------------------------------------

async function loadParked() {
  const code = one("parked-code").value;
  const page = await call("GET", `/api/content?state=parked&limit=${parkedShown}${code ? `&code=${encodeURIComponent(code)}` : ""}`);
  fill("parked", page.items, parkedRow);
  showCodes(page.items);
  one("parked-more").hidden = !page.continuation || parkedShown >= 200;
  one("replay-all").disabled = page.items.length === 0;
}

function showCodes(items) {
  const select = one("parked-code");
  const known = new Set([...select.options].map(option => option.value));
  for (const item of items) {
    const code = item.lastAttempt?.code;
    if (item.state !== "parked" || !code || known.has(code)) continue;
    known.add(code);
    select.append(element("option", { value: code }, code));
  }
}

async function replay(contentId, button) {
  button.disabled = true;
  await act(async () => {
    await call("POST", `/api/content/${encodeURIComponent(contentId)}/replay`);
    return `${contentId} is on its way again.`;
  });
  button.disabled = false;
  if (one("item").open) await showItem(contentId);
}

// Resyncs -------------------------------------------------------------------------------------

function showResyncs(state) {
  const source = one("resync-source");
  if ([...source.options].map(option => option.value).join() !== state.resyncSources.join()) {
    source.replaceChildren(...state.resyncSources.map(word => element("option", { value: word }, word === "ledger" ? "ledger: what is pending or failed, again" : word)));
    showShare();
  }
  const underWay = state.resyncs.filter(run => run.state === "planning" || run.state === "sending");
  const shown = one("resyncs-now");
  for (const gone of [...shown.children].filter(card => !underWay.some(run => run.runId === card.dataset.key))) gone.remove();
  for (const run of underWay) showRun([...shown.children].find(card => card.dataset.key === run.runId) ?? newRun(run), run);
  fill("resyncs", state.resyncs.filter(run => !underWay.includes(run)), resyncRow);
}

// A card is made once and then kept up, so that its button keeps the focus.
function newRun(run) {
  const card = element("article", { class: "run", "aria-label": `Resync of ${run.source ?? run.sourceName}` },
    element("p", { class: "heading" }, element("strong", { class: "run-name" }), element("button", { type: "button", onclick: event => cancelRun(run, event.currentTarget) }, "Cancel")),
    element("progress", { "aria-label": "Done of what is planned" }),
    element("p", { class: "run-counts" }),
    element("p", { class: "run-message quiet" }),
    element("div", { class: "run-issues" }));
  card.dataset.key = run.runId;
  one("resyncs-now").append(card);
  return card;
}

function showRun(card, run) {
  const put = (css, of, ...children) => {
    const text = JSON.stringify(of);
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
    put(".run-counts", [run.counts, run.ratePerSecond], `${number(done)} of ${number(run.counts.planned)}: ${told(run.counts)}. ${number(run.ratePerSecond)} per second`, ...(run.estimatedEnd ? [", done ", ago(run.estimatedEnd)] : []), ".");
  } else {
    bar.removeAttribute("value");
  }
  put(".run-message", run.message, foreign(run.message));
  put(".run-issues", run.issues.length, ...issuesOf(run));
}

const sourceOf = run => foreign(run.source ? (run.snapshot && run.snapshot !== run.source ? `${words[run.source]} ${run.snapshot}` : words[run.source]) : run.sourceName);

const told = counts => ["sent", "unchanged", "superseded", "failed", "parked"].filter(name => counts[name] > 0).map(name => `${number(counts[name])} ${name}`).join(", ") || "nothing yet";

function planned(plan) {
  const named = [[plan.new, "new"], [plan.changed, "changed"], [plan.unchanged, "unchanged"], [plan.vanished, "to delist"], [plan.invalid, "invalid"]];
  return named.filter(([count]) => count > 0).map(([count, name]) => `${number(count)} ${name}`).join(", ") || "an empty catalog";
}

function resyncRow(run) {
  return element("tr", {},
    element("td", { class: "when", "data-label": "When" }, ago(run.endedAt ?? run.updatedAt)),
    cell("Source", sourceOf(run)),
    cell("Ended", element("strong", { class: tone[run.state] }, words[run.state] ?? run.state)),
    cell("Items", run.counts ? told(run.counts) : run.plan ? planned(run.plan) : ""),
    cell("What happened", foreign(run.message), run.faultLine ? ` (line ${number(run.faultLine)})` : null, ...issuesOf(run)));
}

function issuesOf(run) {
  if (run.issues.length === 0) return [];
  return [element("details", {},
    element("summary", {}, run.plan && run.plan.invalid > run.issues.length ? `The first ${run.issues.length} of ${number(run.plan.invalid)} invalid items` : `${run.issues.length} invalid`),
    element("ul", {}, ...run.issues.map(issue => element("li", {}, foreign(issue.place), ": ", issue.contentId ? element("code", {}, foreign(issue.contentId)) : null, " ", foreign(issue.message)))))];
}

function showShare() {
  const catalog = one("resync-source").value === "catalog";
  one("resync-share-field").hidden = !catalog;
  one("resync-share-note").hidden = !catalog;
}

async function startRun(dryRun) {
  const source = one("resync-source").value;
  const share = one("resync-share").value;
  const wish = { source, dryRun, ...(source === "catalog" && share !== "" ? { allowDelist: Number(share) / 100 } : {}) };
  if (!dryRun) {
    const what = source === "catalog"
      ? `Make AlipayHK equal to the catalog? What is new or changed is sent, and what the catalog no longer holds is delisted${wish.allowDelist === undefined ? "" : `, up to ${share} % of what is listed`}.`
      : "Send again what is pending in the ledger or was given up on?";
    if (!await confirmed(what, "Start", "Leave it")) return;
  }
  await act(async () => {
    await call("POST", "/api/resyncs", wish);
    one("resync-share").value = "";
    return dryRun ? "Planning; nothing is sent." : "The resync has begun.";
  });
}

async function cancelRun(run, button) {
  if (!await confirmed("End this resync for good? What it has taken in already is still delivered.", "Cancel the resync", "Let it go on")) return;
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
  const wish = one("confirm");
  wish.returnValue = "no";
  wish.showModal();
  await new Promise(closed => wish.addEventListener("close", closed, { once: true }));
  return wish.returnValue === "yes";
}

async function replayAll() {
  const code = one("parked-code").value;
  const filter = code ? { resultCode: code } : { all: true };
  await act(async () => {
    const dry = await call("POST", "/api/content/replay", { ...filter, dryRun: true });
    const codes = Object.entries(dry.codes).map(([name, count]) => `${count} × ${name || "no code"}`).join(", ");
    const text = `Send ${number(dry.matched)}${dry.more ? " or more" : ""} parked contents again, unchanged? (${codes}) What AlipayHK refused for its content, it is likely to refuse again.`;
    if (!await confirmed(text, "Replay", "Leave them")) return null;
    const done = await call("POST", "/api/content/replay", filter);
    return `${number(done.replayed)} contents are on their way again.`;
  });
}

async function act(work) {
  try {
    const said = await work();
    if (said) toast(said);
    parkedSeen = "";
    await refresh();
  } catch (fault) {
    toast(fault.message);
  }
}

function toast(text) {
  const shown = one("toast");
  shown.replaceChildren(foreign(text));
  shown.classList.add("shown");
  setTimeout(() => shown.classList.remove("shown"), 6000);
}

// One content ---------------------------------------------------------------------------------

function open(contentId) {
  location.hash = "#/content/" + encodeURIComponent(contentId);
}

async function followHash() {
  const dialog = one("item");
  const named = location.hash.match(/^#\/content\/(.+)$/);
  if (!named) {
    if (dialog.open) dialog.close();
    return;
  }
  const contentId = unescaped(named[1]);
  one("item-title").replaceChildren(foreign(contentId));
  one("item-state").textContent = "Loading …";
  one("item-body").replaceChildren();
  if (!dialog.open) dialog.showModal();
  await showItem(contentId);
}

// An address that somebody typed may hold a % that escapes nothing.
function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function showItem(contentId) {
  try {
    const item = await call("GET", `/api/content/${encodeURIComponent(contentId)}`);
    const state = one("item-state");
    state.replaceChildren(element("strong", { class: { synchronized: "good", parked: "bad" }[item.state] ?? "warn" }, item.state), item.parkReason ? `, ${words[item.parkReason] ?? item.parkReason} ` : " ");
    if (item.state === "parked") state.append(replayButton(item.contentId));
    one("item-body").replaceChildren(...itemParts(item));
  } catch (fault) {
    one("item-state").replaceChildren(foreign(fault.message));
    one("item-body").replaceChildren();
  }
}

function itemParts(item) {
  const history = [...(item.history ?? (item.lastAttempt ? [item.lastAttempt] : []))].reverse();
  const movie = history.some(attempt => attempt.templateCode || attempt.templateStatus);
  const attempts = element("table", { id: "history" },
    element("caption", { class: "hidden" }, "Attempts, newest first"),
    element("thead", {}, element("tr", {}, ...["When", "Code", "Message", "Request", "Tracer-Id", ...(movie ? ["Template"] : [])].map(name => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...history.map(attempt => element("tr", {},
      element("td", { class: "when", "data-label": "When" }, ago(attempt.at)),
      cell("Code", element("code", {}, foreign(attempt.code))),
      cell("Message", foreign(attempt.message)),
      cell("Request", element("code", {}, foreign(attempt.requestId))),
      cell("Tracer-Id", attempt.tracerId ? element("code", {}, foreign(attempt.tracerId)) : "none"),
      movie ? cell("Template", attempt.templateStatus ? foreign(attempt.templateStatus) : "none", attempt.templateCode ? element("span", { class: "quiet" }, foreign(attempt.templateCode)) : null) : null))));
  return [
    fields(item),
    element("h3", {}, "Attempts"),
    history.length > 0 ? attempts : element("p", { class: "quiet" }, "None yet."),
    element("h3", {}, "contentInfo"),
    element("pre", { tabindex: "0" }, foreign(pretty(item.contentInfo ?? ""))),
  ];
}

function fields(item) {
  const pairs = [
    ["Type", item.contentType],
    ["Status", item.contentStatus === 1 ? "1, listed" : "0, delisted"],
    ["Revision", item.revision],
    ["Accepted", ago(item.acceptedAt)],
    ["Attempts spent", item.attempts],
    ["Next attempt", item.dueAt && ago(item.dueAt)],
    ["AlipayHK holds", item.synchronizedRevision && `revision ${item.synchronizedRevision}`],
    ["Acknowledged", item.synchronizedAt && ago(item.synchronizedAt)],
    ["Request id", item.requestId],
    ["Template", item.templateCode && `${item.templateCode}, ${item.templateStatus ?? "no status"}`],
  ];
  return element("dl", { class: "fields" }, ...pairs.filter(([, value]) => value !== undefined && value !== null).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value instanceof Node ? value : foreign(value))]));
}

function pretty(contentInfo) {
  try {
    return JSON.stringify(JSON.parse(contentInfo), null, 2);
  } catch {
    return contentInfo;
  }
}

one("search").addEventListener("submit", event => {
  event.preventDefault();
  const contentId = one("search-id").value.trim();
  if (contentId) open(contentId);
});
one("key-form").addEventListener("submit", event => {
  event.preventDefault();
  key.set(one("key").value);
  one("key").value = "";
  refresh();
});
one("item").addEventListener("close", () => history.replaceState(null, "", location.pathname));
one("parked-code").addEventListener("change", () => act(async () => { parkedShown = 25; await loadParked(); }));
one("parked-more").addEventListener("click", () => act(async () => { parkedShown = Math.min(200, parkedShown + 50); await loadParked(); }));
one("replay-all").addEventListener("click", replayAll);
one("resync-source").addEventListener("change", showShare);
one("resync-start").addEventListener("submit", event => {
  event.preventDefault();
  startRun(event.submitter?.value !== "run");
});
addEventListener("hashchange", followHash);
document.addEventListener("visibilitychange", refresh);
refresh().then(followHash);

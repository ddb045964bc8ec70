// Calls the API with the viewer's key, and renders its responses as text, never as markup.

// The host responds within milliseconds; a resync may be started and a page of items replayed within this time.
const timeoutMilliseconds = 30000;

const keyName = "contentsync.key";

export const key = {
  get: () => sessionStorage.getItem(keyName),
  set: value => sessionStorage.setItem(keyName, value),
};

/** Sends JSON, or text that is JSON already. Returns the response's JSON; throws an Error with the problem's detail, errors and status. */
export async function call(method, path, body, timeout = timeoutMilliseconds) {
  const headers = {};
  if (key.get()) headers["x-functions-key"] = key.get();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: text, cache: "no-store", signal: AbortSignal.timeout(timeout) });
  const json = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw Object.assign(new Error(json.detail || json.title || `HTTP ${response.status}`), { status: response.status, errors: json.errors ?? [] });
  }
  return json;
}

/** URL of an item, or of an action on it. The query carries every id; servers rewrite some in a path. */
export const itemUrl = (contentId, action = "") => `/api/content${action}?contentId=${encodeURIComponent(contentId)}`;

// Invisible characters and those that change the direction of text; shown by their code points instead.
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

/** Text from outside this app: isolated from the direction of the text around it, with nothing in it hidden. */
export function foreign(text) {
  const isolated = document.createElement("bdi");
  for (const part of String(text).split(new RegExp(`(${unprintable.source})`))) {
    const codePoint = () => "U+" + part.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    isolated.append(unprintable.test(part) ? element("span", { class: "unprintable" }, codePoint()) : part);
  }
  return isolated;
}

export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes ?? {})) {
    if (attribute.startsWith("on")) made.addEventListener(attribute.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(attribute, value === true ? "" : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

/** A time relative to now ("5 s ago", "in 2 min"), with the absolute time as a tooltip; tick() updates it. */
export function ago(iso) {
  if (Number.isNaN(Date.parse(iso))) return document.createTextNode("at an unknown time");
  const made = element("time", { datetime: iso, title: `${new Date(iso).toLocaleString()} (${new Date(iso).toISOString()})` });
  made.textContent = relative(iso, Date.now());
  return made;
}

/** A time relative to now, and below it the absolute one. */
export function when(iso) {
  const made = document.createDocumentFragment();
  made.append(ago(iso));
  if (!Number.isNaN(Date.parse(iso))) made.append(" ", element("span", { class: "quiet at" }, absolute(iso)));
  return made;
}

/** A time in the viewer's zone, with the date unless it is today. */
export function absolute(iso) {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date().toDateString();
  return at.toLocaleString([], {
    hour: "2-digit", minute: "2-digit", second: "2-digit", ...(isToday ? {} : { day: "numeric", month: "short", year: "numeric" }),
  });
}

export function tick() {
  for (const shown of document.querySelectorAll("time[datetime]")) {
    const text = relative(shown.dateTime, Date.now());
    if (shown.textContent !== text) shown.textContent = text;
  }
}

function relative(iso, now) {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  const size = Math.abs(seconds);
  if (size < 2) return "now";
  const [value, unit] = size < 100 ? [size, "s"]
    : size < 5400 ? [Math.round(size / 60), "min"]
    : size < 172800 ? [Math.round(size / 3600), "h"]
    : [Math.round(size / 86400), "d"];
  return seconds < 0 ? `in ${value} ${unit}` : `${value} ${unit} ago`;
}

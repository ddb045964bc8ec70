// Calls the API with the key of whoever looks, and writes what it answers as text, never as markup.

const keyName = "contentsync.key";

export const key = {
  get: () => sessionStorage.getItem(keyName),
  set: value => sessionStorage.setItem(keyName, value),
};

/** The answer's JSON; throws an Error with the problem's sentence and its status. */
export async function call(method, path, body) {
  const headers = {};
  if (key.get()) headers["x-functions-key"] = key.get();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(answer.detail || answer.title || `HTTP ${response.status}`), { status: response.status });
  return answer;
}

// Characters that are not seen, or that turn the text around them: shown by their number instead.
const odd = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

/** Text from elsewhere, in a direction of its own, nothing in it hidden. */
export function foreign(text) {
  const isolated = document.createElement("bdi");
  for (const part of String(text).split(new RegExp(`(${odd.source})`))) {
    if (odd.test(part)) isolated.append(element("span", { class: "odd" }, "U+" + part.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")));
    else isolated.append(part);
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

/** A time as how long ago it was (or when it will be); kept up by tick. */
export function ago(iso) {
  const made = element("time", { datetime: iso, title: new Date(iso).toLocaleString() });
  made.textContent = spoken(iso, Date.now());
  return made;
}

export function tick() {
  for (const shown of document.querySelectorAll("time[datetime]")) {
    const text = spoken(shown.dateTime, Date.now());
    if (shown.textContent !== text) shown.textContent = text;
  }
}

function spoken(iso, now) {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  const size = Math.abs(seconds);
  const [value, unit] = size < 100 ? [size, "s"] : size < 5400 ? [Math.round(size / 60), "min"] : size < 172800 ? [Math.round(size / 3600), "h"] : [Math.round(size / 86400), "d"];
  if (size < 2) return "now";
  return seconds < 0 ? `in ${value} ${unit}` : `${value} ${unit} ago`;
}

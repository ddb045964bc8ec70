import { element, foreign, key } from "./client.js";

const one = id => document.getElementById(id);

async function load() {
  const description = await (await fetch("/api/openapi.json")).json();
  one("about").textContent = description.info.description;
  one("key").value = key.get() ?? "";
  one("key").addEventListener("change", () => key.set(one("key").value));
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) one("operations").append(shown(method, path, operation, description));
  }
}

function shown(method, path, operation, description) {
  return element("details", { class: "operation", id: operation.operationId },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path), " ", operation.summary),
    element("p", {}, operation.description ?? ""),
    element("h3", {}, "Answers"),
    element("dl", { class: "fields" }, ...Object.entries(operation.responses).flatMap(([status, response]) => {
      const known = response.$ref ? description.components.responses[response.$ref.split("/").pop()] : response;
      return [element("dt", {}, status), element("dd", {}, known.description)];
    })),
    tryIt(method, path, operation));
}

function tryIt(method, path, operation) {
  const form = element("form", { class: "try" }, element("h3", {}, "Try it"));
  const inputs = (operation.parameters ?? []).filter(parameter => parameter.in !== "header").map(parameter => {
    const id = `${operation.operationId}-${parameter.name}`;
    form.append(element("label", { for: id }, `${parameter.name}: ${parameter.description}`), element("input", { id, required: parameter.required === true }));
    return [parameter, form.lastChild];
  });
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  let body = null;
  if (type) {
    const id = `${operation.operationId}-body`;
    body = element("textarea", { id, spellcheck: "false" });
    body.value = typeof content.example === "string" ? content.example : JSON.stringify(content.example ?? {}, null, 2);
    form.append(element("label", { for: id }, `Body, ${type}`), body);
  }
  const answer = element("pre", { "aria-live": "polite", tabindex: "0", hidden: true });
  form.append(element("button", {}, "Send"), answer);
  form.addEventListener("submit", async event => {
    event.preventDefault();
    answer.hidden = false;
    answer.textContent = "…";
    answer.replaceChildren(foreign(await send(method, path, inputs, type, body)));
  });
  return form;
}

async function send(method, path, inputs, type, body) {
  const query = new URLSearchParams();
  let address = path;
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value) query.set(parameter.name, input.value);
  }
  const headers = {};
  if (key.get()) headers["x-functions-key"] = key.get();
  if (body) headers["Content-Type"] = type;
  try {
    const response = await fetch(address + (query.size > 0 ? `?${query}` : ""), { method: method.toUpperCase(), headers, body: body?.value, cache: "no-store" });
    const text = await response.text();
    const json = response.headers.get("Content-Type")?.includes("json");
    return `${response.status} ${response.statusText}\n\n${json && text ? JSON.stringify(JSON.parse(text), null, 2) : text}`;
  } catch (fault) {
    return fault.message;
  }
}

load();

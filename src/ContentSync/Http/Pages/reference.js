import { element, foreign, key } from "./client.js";

const byId = id => document.getElementById(id);

async function load() {
  const description = await (await fetch("/api/openapi.json")).json();
  byId("about").textContent = description.info.description;
  byId("key").value = key.get() ?? "";
  byId("key").addEventListener("change", () => key.set(byId("key").value));
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) byId("operations").append(shown(method, path, operation, description));
  }
}

function shown(method, path, operation, description) {
  return element("details", { class: "operation", id: operation.operationId },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", {}, path), " ", operation.summary),
    element("p", {}, operation.description ?? ""),
    element("h3", {}, "Responses"),
    element("dl", { class: "fields" }, ...Object.entries(operation.responses).flatMap(([status, response]) => {
      const resolved = response.$ref ? description.components.responses[response.$ref.split("/").pop()] : response;
      return [element("dt", {}, status), element("dd", {}, resolved.description)];
    })),
    tryForm(method, path, operation));
}

function tryForm(method, path, operation) {
  const form = element("form", { class: "try" }, element("h3", {}, "Try it"));
  const inputs = (operation.parameters ?? []).filter(parameter => parameter.in !== "header").map(parameter => {
    const id = `${operation.operationId}-${parameter.name}`;
    const input = element("input", { id, required: parameter.required === true });
    form.append(element("label", { for: id }, `${parameter.name}: ${parameter.description}`), input);
    return [parameter, input];
  });
  const [type, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  let body = null;
  if (type) {
    const id = `${operation.operationId}-body`;
    body = element("textarea", { id, spellcheck: "false" });
    body.value = typeof content.example === "string" ? content.example : JSON.stringify(content.example ?? {}, null, 2);
    form.append(element("label", { for: id }, `Body, ${type}`), body);
  }
  const output = element("pre", { "aria-live": "polite", tabindex: "0", hidden: true });
  form.append(element("button", {}, "Send"), output);
  form.addEventListener("submit", async event => {
    event.preventDefault();
    output.hidden = false;
    output.textContent = "…";
    output.replaceChildren(foreign(await send(method, path, inputs, type, body)));
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
    const url = address + (query.size > 0 ? `?${query}` : "");
    const response = await fetch(url, { method: method.toUpperCase(), headers, body: body?.value, cache: "no-store" });
    const text = await response.text();
    const isJson = response.headers.get("Content-Type")?.includes("json");
    return `${response.status} ${response.statusText}\n\n${isJson && text ? JSON.stringify(JSON.parse(text), null, 2) : text}`;
  } catch (fault) {
    return fault.message;
  }
}

load();

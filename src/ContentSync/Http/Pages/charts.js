// Small charts as inline SVG. Colours and strokes are classes of pages.css, so that dark mode and the content security policy hold.
import { element, foreign } from "./client.js";

const width = 300;
const height = 80;
const maxNamedCodes = 5;
const other = "(other)";
const number = value => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });

/** Seconds as a person reads them: 12 ms, 3.4 s, 7 min, 2 h. */
export function duration(seconds) {
  if (seconds === 0) return "0 s";
  if (seconds < 0.001) return `${(seconds * 1000).toFixed(2)} ms`;
  if (seconds < 1) return `${number(seconds * 1000)} ms`;
  if (seconds < 100) return `${number(seconds)} s`;
  if (seconds < 6000) return `${number(seconds / 60)} min`;
  return `${number(seconds / 3600)} h`;
}

/** Whether a cause grows: attempts that ended with its code in the last 15 minutes, and in the 15 minutes before. */
export function growth(trends, code) {
  const counts = trends.steps.map(step => step.outcomes[code] ?? 0);
  const sum = part => part.reduce((total, count) => total + count, 0);
  const [before, now] = [sum(counts.slice(-30, -15)), sum(counts.slice(-15))];
  const bars = Array.from({ length: 12 }, (_, i) => sum(counts.slice(i * 5, (i + 1) * 5)));
  if (now === 0 && before === 0) return { word: sum(counts) === 0 ? "none in the last hour" : "none in the last 30 min", now, before, bars };
  const word = now > 1.5 * before ? "growing" : now < before / 1.5 ? "falling" : "steady";
  return { word, now, before, bars };
}

/** A cause's bars of the last hour, five minutes each, with the comparison in words. */
export function growthParts({ word, now, before, bars }) {
  const text = now === 0 && before === 0 ? word : `${word}: ${number(now)} in 15 min, ${number(before)} in the 15 min before`;
  if (bars.every(count => count === 0)) return [element("span", { class: "quiet" }, text)];
  const most = Math.max(...bars);
  return [
    drawing({ class: "spark", viewBox: "0 0 60 20", preserveAspectRatio: "none", "aria-hidden": "true" }, ...bars.map((count, i) => shape("rect", {
      class: "bar", x: i * 5, width: 4, y: 20 - 20 * count / most, height: 20 * count / most,
    }))),
    element("span", { class: word === "growing" ? "bad" : "quiet" }, text),
  ];
}

/** Replaces the charts in a container. What a reader opened stays open. */
export function showCharts(container, trends) {
  if (trends.steps.every(isEmpty)) {
    container.replaceChildren(element("p", { class: "quiet" },
      `Nothing was attempted and nothing was pending until ${clock(trends.to, trends)}, where these figures end. What happened since then follows shortly.`));
    return;
  }
  const open = new Set([...container.querySelectorAll("details[open]")].map(details => details.dataset.name));
  container.replaceChildren(...figures(trends).map(figure => chart(figure, trends, open.has(figure.title))));
}

const isEmpty = step => step.requests === 0 && Object.keys(step.outcomes).length === 0 && !step.backlog && !step.oldestPendingSeconds;

function figures({ steps, stepSeconds }) {
  const per = stepSeconds === 60 ? "minute" : `${stepSeconds / 60} minutes`;
  const latency = name => [
    { name: "95 %", css: "line-two", values: steps.map(step => step[name]?.p95Seconds) },
    { name: "median", css: "line-one", values: steps.map(step => step[name]?.medianSeconds) },
  ];
  const budgets = steps.map(step => step.budgetPerSecond);
  return [
    { title: "Results by code", unit: `attempts per ${per}`, stacked: true, series: outcomes(steps), text: number },
    {
      title: "Requests to AlipayHK", unit: "per second", text: number, bars: { name: "requests", values: steps.map(step => step.requestsPerSecond) },
      series: budgets.some(budget => budget !== undefined) ? [{ name: "budget", css: "line-two", values: budgets }] : [],
    },
    { title: "Signing", unit: "duration", series: latency("signing"), text: duration },
    { title: "AlipayHK's response", unit: "duration", series: latency("alipayHk"), text: duration },
    {
      title: "Oldest overdue item", unit: "age", text: duration, area: true,
      series: [{ name: "age", css: "line-one", values: steps.map(step => step.oldestPendingSeconds) }],
    },
    { title: "Pending items", unit: "backlog", text: number, area: true, series: [{ name: "pending", css: "line-one", values: steps.map(step => step.backlog) }] },
  ];
}

// SUCCESS first, then the most frequent codes; the rest is one series.
function outcomes(steps) {
  const totals = new Map();
  for (const step of steps) {
    for (const [code, count] of Object.entries(step.outcomes)) totals.set(code, (totals.get(code) ?? 0) + count);
  }
  const codes = [...totals.keys()].filter(code => code !== "SUCCESS" && code !== other).sort((a, b) => totals.get(b) - totals.get(a));
  const named = codes.slice(0, maxNamedCodes);
  const rest = [...codes.slice(maxNamedCodes), ...(totals.has(other) ? [other] : [])];
  const series = [...(totals.has("SUCCESS") ? ["SUCCESS"] : []), ...named].map(code => ({
    name: code, css: code === "SUCCESS" ? "code-success" : `code-${named.indexOf(code) + 1}`, values: steps.map(step => step.outcomes[code] ?? 0),
  }));
  if (rest.length === 0) return series;
  const values = steps.map(step => rest.reduce((sum, code) => sum + (step.outcomes[code] ?? 0), 0));
  return [...series, { name: "other codes", css: "code-other", values }];
}

function chart(figure, trends, isOpen) {
  const { title, unit, text } = figure;
  const all = [...(figure.bars ? [figure.bars] : []), ...figure.series];
  const tops = figure.stacked
    ? trends.steps.map((_, i) => figure.series.reduce((sum, { values }) => sum + values[i], 0))
    : all.flatMap(({ values }) => values.filter(value => value !== undefined));
  const most = Math.max(0, ...tops);
  const summary = summaryOf(figure, all, trends.steps.length);
  const plot = drawing({ class: "plot", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${summary}` },
    shape("line", { class: "base", x1: 0, x2: width, y1: height, y2: height }),
    ...(most > 0 ? marks(figure, most) : []));
  const details = element("details", { "data-name": title, open: isOpen }, element("summary", {}, "Figures"));
  const fillIn = () => details.open && details.childElementCount === 1 && details.append(table(title, all, trends, text));
  details.addEventListener("toggle", fillIn);
  fillIn();
  return element("figure", { class: "chart" },
    element("figcaption", {}, element("strong", {}, title), " ", element("span", { class: "quiet" }, unit)),
    element("p", { class: "legend" }, ...legend(figure, all)),
    element("div", { class: "frame" }, element("span", { class: "most" }, most > 0 ? text(most) : ""), plot),
    element("p", { class: "times" }, element("span", {}, clock(trends.from, trends)), element("span", {}, clock(trends.to, trends))),
    element("p", { class: "quiet" }, foreign(summary)),
    details);
}

function summaryOf(figure, all, count) {
  if (figure.stacked) {
    const totals = figure.series.map(({ name, values }) => `${number(values.reduce((sum, value) => sum + value, 0))} ${name}`);
    return totals.join(", ") || "nothing was attempted";
  }
  const parts = all.map(({ name, values }) => {
    const known = values.filter(value => value !== undefined);
    if (known.length === 0) return null;
    const last = values[count - 1];
    return `${name} ${last === undefined ? "none" : figure.text(last)} now, highest ${figure.text(Math.max(...known))}`;
  }).filter(part => part);
  return parts.join("; ") || "no figures";
}

function legend(figure, all) {
  if (all.length < 2 && !figure.stacked) return [];
  return all.map(({ name, css }) => element("span", { class: "key" }, element("span", { class: `swatch ${css ?? "bar"}`, "aria-hidden": "true" }), foreign(name)));
}

function marks({ stacked, bars, area, series }, most) {
  const y = value => height - (height - 4) * value / most;
  if (stacked) {
    const floor = [];
    return series.flatMap(({ css, values }) => values.map((value, i) => {
      const from = floor[i] ?? 0;
      floor[i] = from + value;
      return value > 0 ? box(css, i, values.length, y(floor[i]), y(from)) : null;
    }));
  }
  return [
    ...(bars ? bars.values.map((value, i) => value > 0 ? box("bar", i, bars.values.length, y(value), height) : null) : []),
    ...series.flatMap(({ css, values }) => lines(css, values, y, area)),
  ];
}

function box(css, i, count, top, bottom) {
  const step = width / count;
  return shape("rect", { class: css, x: round(i * step), width: round(step * 0.85), y: round(top), height: round(bottom - top) });
}

// The sweep runs every few minutes in the cloud, so a few steps without a value do not break the line.
function lines(css, values, y, area) {
  const maxGap = values.length / 12;
  const parts = [];
  let last = -1;
  values.forEach((value, i) => {
    if (value === undefined) return;
    if (last < 0 || i - last > maxGap) parts.push([]);
    parts.at(-1).push([round((i + 0.5) * width / values.length), round(y(value))]);
    last = i;
  });
  return parts.flatMap(points => {
    const path = points.length === 1 ? `M${points[0]}h2` : `M${points.join("L")}`;
    return [
      ...(area && points.length > 1 ? [shape("path", { class: "area", d: `${path}V${height}H${points[0][0]}Z` })] : []),
      shape("path", { class: css, d: path }),
    ];
  });
}

function table(title, all, trends, text) {
  const rows = trends.steps.map((step, i) => ({ at: step.at, values: all.map(({ values }) => values[i]) })).reverse();
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, figures` }, element("table", { class: "compact" },
    element("caption", { class: "hidden" }, `${title}, newest first`),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "From"), ...all.map(({ name }) => element("th", { scope: "col" }, foreign(name))))),
    element("tbody", {}, ...rows.map(({ at, values }) => element("tr", {},
      element("th", { scope: "row" }, clock(at, trends)),
      ...values.map(value => element("td", {}, value === undefined ? "–" : text(value))))))));
}

const clock = (iso, { stepSeconds }) => new Date(iso).toLocaleString([], {
  hour: "2-digit", minute: "2-digit", ...(stepSeconds > 60 ? { day: "numeric", month: "short" } : {}),
});

const round = value => Math.round(value * 10) / 10;

const drawing = (attributes, ...children) => shape("svg", attributes, ...children);

function shape(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children.filter(child => child));
  return made;
}

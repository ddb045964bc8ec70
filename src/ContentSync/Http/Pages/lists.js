// Saves lists as files, and compares two texts line by line.
import { element } from "./client.js";

/** Offers rows as a download: CSV (RFC 4180), or one JSON object per line. */
export function saveRows(name, format, rows) {
  const text = format === "csv" ? csv(rows.map(row => flat(row))) : rows.map(row => JSON.stringify(row) + "\n").join("");
  const type = format === "csv" ? "text/csv;charset=utf-8" : "application/x-ndjson";
  const address = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: address, download: `${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${format}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

function csv(rows) {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))];
  return [columns, ...rows.map(row => columns.map(column => row[column]))].map(line => line.map(field).join(",") + "\r\n").join("");
}

// A spreadsheet would run a text that begins like a formula.
function field(value) {
  let text = value === undefined || value === null ? "" : String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text;
}

// Members of members become columns of their own; lists are joined.
function flat(row, prefix = "") {
  return Object.assign({}, ...Object.entries(row).map(([name, value]) =>
    Array.isArray(value) ? { [prefix + name]: value.map(part => typeof part === "object" ? JSON.stringify(part) : part).join(" ") }
      : value !== null && typeof value === "object" ? flat(value, `${prefix}${name}.`)
      : { [prefix + name]: value }));
}

const maxCells = 4000000;

/** The lines of two texts as [kind, line]: " " in both, "-" only in the first, "+" only in the second. */
export function compareLines(one, two) {
  const [a, b] = [one.split("\n"), two.split("\n")];
  if (a.length * b.length > maxCells) return [...a.map(line => ["-", line]), ...b.map(line => ["+", line])];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push([" ", a[i]]);
      i++;
      j++;
    } else if (i < a.length && (j === b.length || common[(i + 1) * width + j] >= common[i * width + j + 1])) lines.push(["-", a[i++]]);
    else lines.push(["+", b[j++]]);
  }
  return lines;
}

/** Indents JSON without reading its numbers, of which JavaScript would round the long ones. A text that is no JSON stays as it is. */
export function indented(json) {
  try {
    JSON.parse(json);
  } catch {
    return json;
  }
  let depth = 0;
  const line = () => "\n" + "  ".repeat(depth);
  return json.replace(/"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+|([{[])\s*([}\]])|[{}[\],:]|\s+/g, (token, open, close) => {
    if (open) return open + close;
    if (token === "{" || token === "[") { depth++; return token + line(); }
    if (token === "}" || token === "]") { depth--; return line() + token; }
    if (token === ",") return token + line();
    if (token === ":") return ": ";
    return /^\s/.test(token) ? "" : token;
  });
}

// Parses Kusto queries and binds them to a schema, offline. Reads {tables, queries} as JSON from standard input and
// prints, for each query, its errors, the tables that it reads and the columns of its result.
const fs = require('fs');
const path = require('path');
const vm = require('vm');

for (const file of ['bridge.min.js', 'Kusto.Language.Bridge.min.js']) {
  vm.runInThisContext(fs.readFileSync(path.join(process.argv[2], file), 'utf8'), { filename: file });
}

const { tables, queries } = JSON.parse(fs.readFileSync(0, 'utf8'));
const language = Kusto.Language;
const symbols = Object.entries(tables).map(([name, schema]) => new language.Symbols.TableSymbol.$ctor7(name, schema, ''));
const database = new language.Symbols.DatabaseSymbol.$ctor1('workspace', symbols);
const globals = language.GlobalState.Default.WithDatabase(database);

function analyze(query) {
  const code = language.KustoCode.ParseAndAnalyze(query, globals);
  const errors = [];
  const diagnostics = code.GetDiagnostics();
  for (let i = 0; i < diagnostics.Count; i++) errors.push(`${diagnostics.getItem(i).Code}: ${diagnostics.getItem(i).Message}`);
  const columns = {};
  const result = code.ResultType;
  if (result && result.Columns) for (let i = 0; i < result.Columns.Count; i++) columns[result.Columns.getItem(i).Name] = result.Columns.getItem(i).Type.Name;
  const read = new Set();
  language.Syntax.SyntaxElement.WalkNodes(code.Syntax, node => {
    const kind = System.Enum.toString(language.Syntax.SyntaxKind, node.Kind);
    if (kind === 'NameReference' && node.ReferencedSymbol instanceof language.Symbols.TableSymbol) read.add(node.SimpleName);
  });
  return { errors, columns, tables: [...read] };
}

process.stdout.write(JSON.stringify(queries.map(analyze)));

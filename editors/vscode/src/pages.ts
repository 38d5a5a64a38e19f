// Pages for webviews. They have no scripts; all that comes from data is escaped.

export interface Rows {
  name: string;
  columns: { name: string; type?: string }[];
  rows: (string | null)[][];
  more: boolean;
}

export interface Lineage {
  title: string;
  svg: string;
  text: string;
}

export interface Compiled {
  node: string;
  name: string;
  project: string;
  sql: string;
  incremental?: string;
  stale?: boolean;
}

// compiledText is what Show Compiled SQL shows.
export function compiledText(compiled: Compiled): string {
  const older = compiled.stale ? "-- older than the text in the editor, which has a mistake or is still being checked\n\n" : "";
  const later = compiled.incremental ? "\n\n-- later builds\n" + compiled.incremental : "";
  return older + compiled.sql + later;
}

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function shell(body: string): string {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>
body { font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); color: var(--vscode-foreground); }
table { border-collapse: collapse; font-family: var(--vscode-editor-font-family); }
th, td { text-align: left; padding: 2px 10px; border-bottom: 1px solid var(--vscode-panel-border); white-space: pre; max-width: 60ch; overflow: hidden; text-overflow: ellipsis; }
th { position: sticky; top: 0; background: var(--vscode-editor-background); }
th small { display: block; font-weight: normal; color: var(--vscode-descriptionForeground); }
.number { text-align: right; }
.null, p { color: var(--vscode-descriptionForeground); }
img { max-width: 100%; background: var(--vscode-editor-background); }
</style></head><body>${body}</body></html>`;
}

const numeric = /^(u?(tiny|small|big|huge)?int(eger)?\d*|float\d*|double|real|decimal|numeric|bignumeric)\b/i;

export function rowsPage(rows: Rows): string {
  const right = rows.columns.map((c) => (numeric.test(c.type ?? "") ? ' class="number"' : ""));
  const head = rows.columns.map((c, i) => `<th${right[i]}>${escape(c.name)}<small>${escape(c.type ?? "")}</small></th>`).join("");
  const body = rows.rows
    .map((row) => "<tr>" + row.map((v, i) => (v === null ? '<td class="null">NULL</td>' : `<td${right[i]}>${escape(v)}</td>`)).join("") + "</tr>")
    .join("\n");
  const count = `${rows.rows.length} row${rows.rows.length === 1 ? "" : "s"}${rows.more ? ", there are more: see engine.rows.limit" : ""}`;
  return shell(`<table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table><p>${count}</p>`);
}

export function lineagePage(lineage: Lineage): string {
  const picture = "data:image/svg+xml;base64," + Buffer.from(lineage.svg, "utf8").toString("base64");
  return shell(`<img alt="${escape("Lineage of " + lineage.title)}" src="${picture}"><pre>${escape(lineage.text)}</pre>`);
}

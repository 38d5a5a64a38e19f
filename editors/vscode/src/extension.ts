// The extension starts `engine lsp` and shows what the server's commands answer.

import * as vscode from "vscode";
import { CloseAction, ErrorAction, Executable, LanguageClient, LanguageClientOptions, State } from "vscode-languageclient/node";
import { compiledText, rowsPage, lineagePage, Rows, Lineage, Compiled } from "./pages";

const compiledScheme = "engine-compiled";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const preview = new Preview();
  context.subscriptions.push(
    preview,
    vscode.workspace.registerTextDocumentContentProvider(compiledScheme, preview),
    vscode.commands.registerCommand("engine.showCompiled", () => guarded(() => preview.show())),
    vscode.commands.registerCommand("engine.showRows", () => guarded(showRows)),
    vscode.commands.registerCommand("engine.buildModel", () => guarded(buildModel)),
    vscode.commands.registerCommand("engine.openLineage", () => guarded(openLineage)),
    vscode.commands.registerCommand("engine.restart", () => guarded(restart)),
    vscode.workspace.onDidChangeConfiguration((e) => guarded(() => configured(e))),
  );
  await guarded(start);
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

// guarded shows what went wrong to the user.
async function guarded(f: () => Promise<void> | void): Promise<void> {
  try {
    await f();
  } catch (err) {
    void vscode.window.showErrorMessage("engine: " + (err instanceof Error ? err.message : String(err)));
  }
}

function settings(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration("engine");
}

// serverSettings are what the server takes from the editor's settings.
function serverSettings(): object {
  return {
    rows: settings().get<number>("rows.limit"),
    inlayHints: settings().get<boolean>("inlayHints.enabled"),
    retrigger: "editor.action.triggerSuggest",
  };
}

// flags are those that the server and builds have in common.
function flags(): string[] {
  const out: string[] = [];
  const target = settings().get<string>("target");
  if (target) {
    out.push("--target", target);
  }
  const vars = settings().get<object>("vars") ?? {};
  if (Object.keys(vars).length > 0) {
    out.push("--vars", JSON.stringify(vars));
  }
  return out;
}

async function start(): Promise<void> {
  const log = settings().get<string>("log.file");
  const server: Executable = {
    command: settings().get<string>("path") || "engine",
    args: ["lsp", ...flags(), ...(log ? ["--log", log] : [])],
  };
  let ends = 0;
  const options: LanguageClientOptions = {
    documentSelector: [
      { scheme: "file", language: "sql" },
      { scheme: "file", language: "yaml" },
      { scheme: "file", language: "engine-macros" },
    ],
    initializationOptions: serverSettings(),
    outputChannelName: "engine",
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue }),
      closed: () => {
        ends++;
        return ends <= 3
          ? { action: CloseAction.Restart }
          : { action: CloseAction.DoNotRestart, message: "the server ended four times; see the output «engine», then run «engine: Restart the Server»" };
      },
    },
  };
  client = new LanguageClient("engine", "engine", server, options);
  client.onDidChangeState((e) => void vscode.commands.executeCommand("setContext", "engine.running", e.newState === State.Running));
  try {
    await client.start();
  } catch (err) {
    throw new Error(`${server.command} could not be started (${err instanceof Error ? err.message : err}); set engine.path to the program`);
  }
}

async function restart(): Promise<void> {
  const old = client;
  client = undefined;
  await old?.dispose();
  await start();
}

async function configured(e: vscode.ConfigurationChangeEvent): Promise<void> {
  if (["engine.path", "engine.target", "engine.vars", "engine.log"].some((s) => e.affectsConfiguration(s))) {
    await restart();
  } else if (e.affectsConfiguration("engine")) {
    await client?.sendNotification("workspace/didChangeConfiguration", { settings: { engine: serverSettings() } });
  }
}

// ask runs a command of the server about a place.
async function ask<T>(command: string, uri: vscode.Uri, more: object = {}, token?: vscode.CancellationToken): Promise<T> {
  if (!client) {
    throw new Error("the server is not running");
  }
  const params = { command, arguments: [{ uri: client.code2ProtocolConverter.asUri(uri), ...more }] };
  return await client.sendRequest<T>("workspace/executeCommand", params, token);
}

function current(): vscode.TextEditor {
  const editor = vscode.window.activeTextEditor;
  if (!editor || editor.document.uri.scheme !== "file") {
    throw new Error("open a model first");
  }
  return editor;
}

// waiting shows that the server works, and lets the user give up.
async function waiting<T>(title: string, f: (token: vscode.CancellationToken) => Promise<T>): Promise<T | undefined> {
  return await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, async (_, token) => {
    try {
      return await f(token);
    } catch (err) {
      if (token.isCancellationRequested) {
        return undefined;
      }
      throw err;
    }
  });
}

// Preview shows what models compile to, anew at every change.
class Preview implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly listener: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  // stale are the previews of an older text than the editor's.
  private readonly stale = new Set<string>();

  constructor() {
    this.listener = vscode.Disposable.from(
      vscode.workspace.onDidChangeTextDocument((e) => {
        if (e.document.uri.scheme === "file") {
          clearTimeout(this.timer);
          this.timer = setTimeout(() => this.changed.fire(Preview.address(e.document.uri)), 300);
        }
      }),
      // The newest text has been checked.
      vscode.languages.onDidChangeDiagnostics((e) => {
        for (const address of e.uris.map((uri) => Preview.address(uri)).filter((a) => this.stale.has(a.toString()))) {
          this.changed.fire(address);
        }
      }),
    );
  }

  static address(model: vscode.Uri): vscode.Uri {
    return model.with({ scheme: compiledScheme });
  }

  async show(): Promise<void> {
    const address = Preview.address(current().document.uri);
    const document = await vscode.workspace.openTextDocument(address);
    await vscode.languages.setTextDocumentLanguage(document, "sql");
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true, preserveFocus: true });
    this.changed.fire(address);
  }

  async provideTextDocumentContent(address: vscode.Uri): Promise<string> {
    try {
      const compiled = await ask<Compiled>("engine.compiled", address.with({ scheme: "file" }));
      if (compiled.stale) {
        this.stale.add(address.toString());
      } else {
        this.stale.delete(address.toString());
      }
      return compiledText(compiled);
    } catch (err) {
      return (err instanceof Error ? err.message : String(err)).replace(/^/gm, "-- ");
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.listener.dispose();
    this.changed.dispose();
  }
}

const panels = new Map<string, vscode.WebviewPanel>();

// page shows HTML beside the editor, in one panel for each kind.
function page(kind: string, title: string, html: string): void {
  let panel = panels.get(kind);
  if (!panel) {
    panel = vscode.window.createWebviewPanel(kind, title, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true }, { enableScripts: false });
    panel.onDidDispose(() => panels.delete(kind));
    panels.set(kind, panel);
  }
  panel.title = title;
  panel.webview.html = html;
  panel.reveal(undefined, true);
}

async function showRows(): Promise<void> {
  const editor = current();
  const position = client?.code2ProtocolConverter.asPosition(editor.selection.active);
  const rows = await waiting("engine: reading rows", (token) => ask<Rows>("engine.rows", editor.document.uri, { position }, token));
  if (rows) {
    page("engine.rows", rows.name, rowsPage(rows));
  }
}

async function openLineage(): Promise<void> {
  const editor = current();
  const position = client?.code2ProtocolConverter.asPosition(editor.selection.active);
  const lineage = await waiting("engine: lineage", (token) => ask<Lineage>("engine.lineage", editor.document.uri, { position }, token));
  if (lineage) {
    page("engine.lineage", "Lineage of " + lineage.title, lineagePage(lineage));
  }
}

async function buildModel(): Promise<void> {
  const editor = current();
  await editor.document.save();
  const compiled = await ask<Compiled>("engine.compiled", editor.document.uri);
  const folder = vscode.workspace.getWorkspaceFolder(editor.document.uri);
  const task = new vscode.Task(
    { type: "engine", model: compiled.node },
    folder ?? vscode.TaskScope.Workspace,
    "build " + compiled.name,
    "engine",
    // A process and no shell: nothing needs quoting.
    new vscode.ProcessExecution(settings().get<string>("path") || "engine", ["build", ...flags(), "--project-dir", compiled.project, compiled.name]),
  );
  task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true, panel: vscode.TaskPanelKind.Shared };
  await vscode.tasks.executeTask(task);
}

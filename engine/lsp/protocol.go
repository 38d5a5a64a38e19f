package lsp

import "encoding/json"

// The types below are those of the Language Server Protocol 3.17, as far as they are used
// here; the name of a type is the one that the specification has.

// Position is a place in a text: lines from 0, and characters from 0 in the units that were
// agreed on («Position»).
type Position struct {
	Line      uint32 `json:"line"`
	Character uint32 `json:"character"`
}

// Range is half-open («Range»).
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Location is a range in a file («Location»).
type Location struct {
	URI   string `json:"uri"`
	Range Range  `json:"range"`
}

// TextEdit replaces a range («TextEdit»).
type TextEdit struct {
	Range   Range  `json:"range"`
	NewText string `json:"newText"`
}

type textDocumentIdentifier struct {
	URI     string `json:"uri"`
	Version *int   `json:"version,omitempty"`
}

// Lifecycle Messages.

type initializeParams struct {
	ProcessID             *int               `json:"processId"`
	RootURI               string             `json:"rootUri"`
	RootPath              string             `json:"rootPath"`
	WorkspaceFolders      []workspaceFolder  `json:"workspaceFolders"`
	Capabilities          clientCapabilities `json:"capabilities"`
	InitializationOptions settings           `json:"initializationOptions"`
}

type workspaceFolder struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

// settings are what the client may say in initializationOptions and didChangeConfiguration.
type settings struct {
	// Diagnostics is «push» or «pull»; empty: push.
	Diagnostics string `json:"diagnostics"`
	// InlayHints are off where this is false; nil: on.
	InlayHints *bool `json:"inlayHints"`
	// Rows is the limit of engine.rows where the call has none; 0: defaultRows.
	Rows int `json:"rows"`
	// Retrigger is the client's own command that asks for completions again; empty: it has none.
	Retrigger string `json:"retrigger"`
}

type dynamic struct {
	DynamicRegistration bool `json:"dynamicRegistration"`
}

type clientCapabilities struct {
	General struct {
		PositionEncodings []encoding `json:"positionEncodings"`
	} `json:"general"`
	Workspace struct {
		DidChangeWatchedFiles dynamic `json:"didChangeWatchedFiles"`
		WorkspaceEdit         struct {
			DocumentChanges    bool     `json:"documentChanges"`
			ResourceOperations []string `json:"resourceOperations"`
		} `json:"workspaceEdit"`
		InlayHint struct {
			RefreshSupport bool `json:"refreshSupport"`
		} `json:"inlayHint"`
		Diagnostics struct {
			RefreshSupport bool `json:"refreshSupport"`
		} `json:"diagnostics"`
	} `json:"workspace"`
	TextDocument struct {
		Completion struct {
			CompletionItem struct {
				SnippetSupport      bool     `json:"snippetSupport"`
				DocumentationFormat []string `json:"documentationFormat"`
			} `json:"completionItem"`
		} `json:"completion"`
		SignatureHelp struct {
			SignatureInformation struct {
				DocumentationFormat []string `json:"documentationFormat"`
			} `json:"signatureInformation"`
		} `json:"signatureHelp"`
		Hover struct {
			ContentFormat []string `json:"contentFormat"`
		} `json:"hover"`
		DocumentSymbol struct {
			Hierarchical bool `json:"hierarchicalDocumentSymbolSupport"`
		} `json:"documentSymbol"`
		CodeAction struct {
			LiteralSupport json.RawMessage `json:"codeActionLiteralSupport"`
		} `json:"codeAction"`
		Diagnostic *dynamic `json:"diagnostic"`
	} `json:"textDocument"`
	Window struct {
		WorkDoneProgress bool `json:"workDoneProgress"`
	} `json:"window"`
}

type initializeResult struct {
	Capabilities serverCapabilities `json:"capabilities"`
	ServerInfo   serverInfo         `json:"serverInfo"`
}

type serverInfo struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

type serverCapabilities struct {
	PositionEncoding           encoding              `json:"positionEncoding"`
	TextDocumentSync           textDocumentSync      `json:"textDocumentSync"`
	CompletionProvider         completionOptions     `json:"completionProvider"`
	HoverProvider              bool                  `json:"hoverProvider"`
	SignatureHelpProvider      signatureHelpOptions  `json:"signatureHelpProvider"`
	DefinitionProvider         bool                  `json:"definitionProvider"`
	ReferencesProvider         bool                  `json:"referencesProvider"`
	DocumentHighlightProvider  bool                  `json:"documentHighlightProvider"`
	DocumentSymbolProvider     bool                  `json:"documentSymbolProvider"`
	WorkspaceSymbolProvider    bool                  `json:"workspaceSymbolProvider"`
	CodeActionProvider         codeActionOptions     `json:"codeActionProvider"`
	RenameProvider             renameOptions         `json:"renameProvider"`
	DocumentFormattingProvider bool                  `json:"documentFormattingProvider"`
	InlayHintProvider          bool                  `json:"inlayHintProvider"`
	DiagnosticProvider         *diagnosticOptions    `json:"diagnosticProvider,omitempty"`
	ExecuteCommandProvider     executeCommandOptions `json:"executeCommandProvider"`
	Workspace                  workspaceCapabilities `json:"workspace"`
}

type textDocumentSync struct {
	OpenClose bool        `json:"openClose"`
	Change    int         `json:"change"`
	Save      saveOptions `json:"save"`
}

// incremental is TextDocumentSyncKind.Incremental.
const incremental = 2

type saveOptions struct {
	IncludeText bool `json:"includeText"`
}

type completionOptions struct {
	TriggerCharacters []string `json:"triggerCharacters"`
}

type signatureHelpOptions struct {
	TriggerCharacters   []string `json:"triggerCharacters"`
	RetriggerCharacters []string `json:"retriggerCharacters"`
}

type codeActionOptions struct {
	CodeActionKinds []string `json:"codeActionKinds"`
}

type renameOptions struct {
	PrepareProvider bool `json:"prepareProvider"`
}

type diagnosticOptions struct {
	Identifier            string `json:"identifier"`
	InterFileDependencies bool   `json:"interFileDependencies"`
	WorkspaceDiagnostics  bool   `json:"workspaceDiagnostics"`
}

type executeCommandOptions struct {
	Commands []string `json:"commands"`
}

type workspaceCapabilities struct {
	WorkspaceFolders struct {
		Supported           bool `json:"supported"`
		ChangeNotifications bool `json:"changeNotifications"`
	} `json:"workspaceFolders"`
}

// Document Synchronization.

type didOpenParams struct {
	TextDocument struct {
		URI        string `json:"uri"`
		LanguageID string `json:"languageId"`
		Version    int    `json:"version"`
		Text       string `json:"text"`
	} `json:"textDocument"`
}

type didChangeParams struct {
	TextDocument struct {
		URI     string `json:"uri"`
		Version int    `json:"version"`
	} `json:"textDocument"`
	ContentChanges []contentChange `json:"contentChanges"`
}

type contentChange struct {
	Range *Range `json:"range"`
	Text  string `json:"text"`
}

type documentParams struct {
	TextDocument textDocumentIdentifier `json:"textDocument"`
}

// Workspace Features.

type didChangeWorkspaceFoldersParams struct {
	Event struct {
		Added   []workspaceFolder `json:"added"`
		Removed []workspaceFolder `json:"removed"`
	} `json:"event"`
}

type didChangeConfigurationParams struct {
	Settings struct {
		Engine *settings `json:"engine"`
	} `json:"settings"`
}

type didChangeWatchedFilesParams struct {
	Changes []fileEvent `json:"changes"`
}

type fileEvent struct {
	URI  string `json:"uri"`
	Type int    `json:"type"` // 1 created, 2 changed, 3 deleted
}

type registrationParams struct {
	Registrations []registration `json:"registrations"`
}

type registration struct {
	ID              string `json:"id"`
	Method          string `json:"method"`
	RegisterOptions any    `json:"registerOptions,omitempty"`
}

type watchOptions struct {
	Watchers []fileSystemWatcher `json:"watchers"`
}

type fileSystemWatcher struct {
	GlobPattern string `json:"globPattern"`
}

type executeCommandParams struct {
	Command   string            `json:"command"`
	Arguments []json.RawMessage `json:"arguments"`
}

type workspaceSymbolParams struct {
	Query string `json:"query"`
}

// WorkspaceEdit changes files («WorkspaceEdit»): DocumentChanges where the client can apply
// them, in their order, Changes otherwise.
type WorkspaceEdit struct {
	Changes         map[string][]TextEdit `json:"changes,omitempty"`
	DocumentChanges []any                 `json:"documentChanges,omitempty"`
}

type textDocumentEdit struct {
	TextDocument versionedIdentifier `json:"textDocument"`
	Edits        []TextEdit          `json:"edits"`
}

// versionedIdentifier is OptionalVersionedTextDocumentIdentifier: null means the file on disk.
type versionedIdentifier struct {
	URI     string `json:"uri"`
	Version *int   `json:"version"`
}

type createFile struct {
	Kind string `json:"kind"` // create
	URI  string `json:"uri"`
}

type renameFile struct {
	Kind   string `json:"kind"` // rename
	OldURI string `json:"oldUri"`
	NewURI string `json:"newUri"`
}

// Window Features.

type messageParams struct {
	Type    int    `json:"type"`
	Message string `json:"message"`
}

// MessageType.
const (
	messageError   = 1
	messageWarning = 2
	messageInfo    = 3
)

// Language Features.

type placeParams struct {
	TextDocument textDocumentIdentifier `json:"textDocument"`
	Position     Position               `json:"position"`
}

type referenceParams struct {
	placeParams
	Context struct {
		IncludeDeclaration bool `json:"includeDeclaration"`
	} `json:"context"`
}

type renameParams struct {
	placeParams
	NewName string `json:"newName"`
}

type rangeParams struct {
	TextDocument textDocumentIdentifier `json:"textDocument"`
	Range        Range                  `json:"range"`
}

type codeActionParams struct {
	rangeParams
	Context struct {
		Only []string `json:"only"`
	} `json:"context"`
}

// Diagnostic is a mistake as editors show it («Diagnostic»).
type Diagnostic struct {
	Range              Range                `json:"range"`
	Severity           int                  `json:"severity"`
	Code               string               `json:"code,omitempty"`
	Source             string               `json:"source"`
	Message            string               `json:"message"`
	RelatedInformation []relatedInformation `json:"relatedInformation,omitempty"`
}

type relatedInformation struct {
	Location Location `json:"location"`
	Message  string   `json:"message"`
}

type publishDiagnosticsParams struct {
	URI         string       `json:"uri"`
	Version     *int         `json:"version,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// fullReport is FullDocumentDiagnosticReport («Pull Diagnostics»).
type fullReport struct {
	Kind  string       `json:"kind"` // full
	Items []Diagnostic `json:"items"`
}

// workspaceReport is WorkspaceFullDocumentDiagnosticReport.
type workspaceReport struct {
	fullReport
	URI     string `json:"uri"`
	Version *int   `json:"version"`
}

type workspaceReports struct {
	Items []workspaceReport `json:"items"`
}

type markupContent struct {
	Kind  string `json:"kind"` // plaintext, markdown
	Value string `json:"value"`
}

type hover struct {
	Contents markupContent `json:"contents"`
	Range    *Range        `json:"range,omitempty"`
}

type completionList struct {
	IsIncomplete bool             `json:"isIncomplete"`
	Items        []completionItem `json:"items"`
}

type completionItem struct {
	Label            string         `json:"label"`
	LabelDetails     *labelDetails  `json:"labelDetails,omitempty"`
	Kind             int            `json:"kind,omitempty"`
	Detail           string         `json:"detail,omitempty"`
	Documentation    *markupContent `json:"documentation,omitempty"`
	SortText         string         `json:"sortText,omitempty"`
	FilterText       string         `json:"filterText,omitempty"`
	InsertTextFormat int            `json:"insertTextFormat,omitempty"`
	InsertTextMode   int            `json:"insertTextMode,omitempty"`
	TextEdit         *TextEdit      `json:"textEdit,omitempty"`
	Command          *command       `json:"command,omitempty"`
}

type command struct {
	Title   string `json:"title"`
	Command string `json:"command"`
}

type labelDetails struct {
	Detail      string `json:"detail,omitempty"`
	Description string `json:"description,omitempty"`
}

type signatureHelp struct {
	Signatures      []signatureInformation `json:"signatures"`
	ActiveSignature int                    `json:"activeSignature"`
	ActiveParameter int                    `json:"activeParameter"`
}

type signatureInformation struct {
	Label         string                 `json:"label"`
	Documentation *markupContent         `json:"documentation,omitempty"`
	Parameters    []parameterInformation `json:"parameters,omitempty"`
}

type parameterInformation struct {
	Label [2]int `json:"label"` // offsets in the label of the signature
}

type documentHighlight struct {
	Range Range `json:"range"`
}

type documentSymbol struct {
	Name           string           `json:"name"`
	Detail         string           `json:"detail,omitempty"`
	Kind           int              `json:"kind"`
	Range          Range            `json:"range"`
	SelectionRange Range            `json:"selectionRange"`
	Children       []documentSymbol `json:"children,omitempty"`
}

type symbolInformation struct {
	Name          string   `json:"name"`
	Kind          int      `json:"kind"`
	Location      Location `json:"location"`
	ContainerName string   `json:"containerName,omitempty"`
}

type codeAction struct {
	Title       string         `json:"title"`
	Kind        string         `json:"kind,omitempty"`
	Diagnostics []Diagnostic   `json:"diagnostics,omitempty"`
	IsPreferred bool           `json:"isPreferred,omitempty"`
	Edit        *WorkspaceEdit `json:"edit,omitempty"`
}

type prepareRenameResult struct {
	Range       Range  `json:"range"`
	Placeholder string `json:"placeholder"`
}

type inlayHint struct {
	Position    Position       `json:"position"`
	Label       string         `json:"label"`
	Kind        int            `json:"kind,omitempty"`
	Tooltip     *markupContent `json:"tooltip,omitempty"`
	PaddingLeft bool           `json:"paddingLeft,omitempty"`
}

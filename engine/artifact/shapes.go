package artifact

// The shapes below are dbt's, key by key and in dbt's order. A pointer is a value that may
// be null; any is a value that the engine never has but dbt's readers expect to find.

type checksum struct {
	Name     string `json:"name"`
	Checksum string `json:"checksum"`
}

type dependsOn struct {
	Macros []string `json:"macros"`
	Nodes  []string `json:"nodes"`
}

type macrosOnly struct {
	Macros []string `json:"macros"`
}

type refArgs struct {
	Name    string  `json:"name"`
	Package *string `json:"package"`
	Version any     `json:"version"`
}

type docsConfig struct {
	Show  bool    `json:"show"`
	Color *string `json:"node_color"`
}

type contract struct {
	Enforced   bool `json:"enforced"`
	AliasTypes bool `json:"alias_types"`
	Checksum   any  `json:"checksum"`
}

type tagsAndMeta struct {
	Meta map[string]any `json:"meta"`
	Tags []string       `json:"tags"`
}

type column struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Meta        map[string]any `json:"meta"`
	DataType    *string        `json:"data_type"`
	Constraints []any          `json:"constraints"`
	Quote       *bool          `json:"quote"`
	Config      tagsAndMeta    `json:"config"`
	Tags        []string       `json:"tags"`
	Granularity any            `json:"granularity"`
	DocBlocks   []string       `json:"doc_blocks"`
}

// common opens every node.
type common struct {
	Database         *string           `json:"database"`
	Schema           string            `json:"schema"`
	Name             string            `json:"name"`
	ResourceType     string            `json:"resource_type"`
	PackageName      string            `json:"package_name"`
	Path             string            `json:"path"`
	OriginalFilePath string            `json:"original_file_path"`
	UniqueID         string            `json:"unique_id"`
	FQN              []string          `json:"fqn"`
	Alias            string            `json:"alias"`
	Checksum         checksum          `json:"checksum"`
	Config           map[string]any    `json:"config"`
	Tags             []string          `json:"tags"`
	Description      string            `json:"description"`
	Columns          map[string]column `json:"columns"`
	Meta             map[string]any    `json:"meta"`
	Group            *string           `json:"group"`
	Docs             docsConfig        `json:"docs"`
	PatchPath        *string           `json:"patch_path"`
	BuildPath        *string           `json:"build_path"`
	UnrenderedConfig map[string]any    `json:"unrendered_config"`
	CreatedAt        float64           `json:"created_at"`
	RelationName     *string           `json:"relation_name"`
	RawCode          string            `json:"raw_code"`
	DocBlocks        []string          `json:"doc_blocks"`
}

// code follows common in everything that is SQL.
type code struct {
	Language          string     `json:"language"`
	Refs              []refArgs  `json:"refs"`
	Sources           [][]string `json:"sources"`
	Metrics           [][]string `json:"metrics"`
	Functions         [][]string `json:"functions"`
	DependsOn         dependsOn  `json:"depends_on"`
	CompiledPath      *string    `json:"compiled_path"`
	Compiled          bool       `json:"compiled"`
	CompiledCode      *string    `json:"compiled_code"`
	ExtraCTEsInjected bool       `json:"extra_ctes_injected"`
	ExtraCTEs         []any      `json:"extra_ctes"`
	Contract          contract   `json:"contract"`
}

type modelNode struct {
	common
	code
	Access          string   `json:"access"`
	Constraints     []any    `json:"constraints"`
	Version         any      `json:"version"`
	LatestVersion   any      `json:"latest_version"`
	DeprecationDate any      `json:"deprecation_date"`
	PrimaryKey      []string `json:"primary_key"`
	TimeSpine       any      `json:"time_spine"`
}

type snapshotNode struct {
	common
	code
}

type singularNode struct {
	common
	code
}

type seedNode struct {
	common
	RootPath  string     `json:"root_path"`
	DependsOn macrosOnly `json:"depends_on"`
}

type testMetadata struct {
	Name      string         `json:"name"`
	Kwargs    map[string]any `json:"kwargs"`
	Namespace *string        `json:"namespace"`
}

type genericNode struct {
	common
	code
	ColumnName   *string      `json:"column_name"`
	FileKeyName  string       `json:"file_key_name"`
	AttachedNode *string      `json:"attached_node"`
	TestMetadata testMetadata `json:"test_metadata"`
}

type threshold struct {
	Count  *int64  `json:"count"`
	Period *string `json:"period"`
}

type freshness struct {
	WarnAfter  *threshold `json:"warn_after"`
	ErrorAfter *threshold `json:"error_after"`
	Filter     *string    `json:"filter"`
}

type quoting struct {
	Database   *bool `json:"database"`
	Schema     *bool `json:"schema"`
	Identifier *bool `json:"identifier"`
	Column     *bool `json:"column"`
}

type sourceNode struct {
	Database           *string           `json:"database"`
	Schema             string            `json:"schema"`
	Name               string            `json:"name"`
	ResourceType       string            `json:"resource_type"`
	PackageName        string            `json:"package_name"`
	Path               string            `json:"path"`
	OriginalFilePath   string            `json:"original_file_path"`
	UniqueID           string            `json:"unique_id"`
	FQN                []string          `json:"fqn"`
	SourceName         string            `json:"source_name"`
	SourceDescription  string            `json:"source_description"`
	Loader             string            `json:"loader"`
	Identifier         string            `json:"identifier"`
	Quoting            quoting           `json:"quoting"`
	LoadedAtField      *string           `json:"loaded_at_field"`
	LoadedAtQuery      *string           `json:"loaded_at_query"`
	Freshness          *freshness        `json:"freshness"`
	External           any               `json:"external"`
	Description        string            `json:"description"`
	Columns            map[string]column `json:"columns"`
	Meta               map[string]any    `json:"meta"`
	SourceMeta         map[string]any    `json:"source_meta"`
	Tags               []string          `json:"tags"`
	Config             map[string]any    `json:"config"`
	PatchPath          *string           `json:"patch_path"`
	UnrenderedConfig   map[string]any    `json:"unrendered_config"`
	RelationName       *string           `json:"relation_name"`
	CreatedAt          float64           `json:"created_at"`
	UnrenderedDatabase *string           `json:"unrendered_database"`
	UnrenderedSchema   *string           `json:"unrendered_schema"`
	DocBlocks          []string          `json:"doc_blocks"`
}

type exposureNode struct {
	Name             string         `json:"name"`
	ResourceType     string         `json:"resource_type"`
	PackageName      string         `json:"package_name"`
	Path             string         `json:"path"`
	OriginalFilePath string         `json:"original_file_path"`
	UniqueID         string         `json:"unique_id"`
	FQN              []string       `json:"fqn"`
	Type             string         `json:"type"`
	Owner            owner          `json:"owner"`
	Description      string         `json:"description"`
	Label            *string        `json:"label"`
	Maturity         *string        `json:"maturity"`
	Meta             map[string]any `json:"meta"`
	Tags             []string       `json:"tags"`
	Config           map[string]any `json:"config"`
	UnrenderedConfig map[string]any `json:"unrendered_config"`
	URL              *string        `json:"url"`
	DependsOn        dependsOn      `json:"depends_on"`
	Refs             []refArgs      `json:"refs"`
	Sources          [][]string     `json:"sources"`
	Metrics          [][]string     `json:"metrics"`
	CreatedAt        float64        `json:"created_at"`
}

type owner struct {
	Email *string `json:"email"`
	Name  *string `json:"name"`
}

type macroNode struct {
	Name             string         `json:"name"`
	ResourceType     string         `json:"resource_type"`
	PackageName      string         `json:"package_name"`
	Path             string         `json:"path"`
	OriginalFilePath string         `json:"original_file_path"`
	UniqueID         string         `json:"unique_id"`
	SQL              string         `json:"macro_sql"`
	DependsOn        macrosOnly     `json:"depends_on"`
	Description      string         `json:"description"`
	Meta             map[string]any `json:"meta"`
	Docs             docsConfig     `json:"docs"`
	Config           map[string]any `json:"config"`
	PatchPath        *string        `json:"patch_path"`
	Arguments        []any          `json:"arguments"`
	CreatedAt        float64        `json:"created_at"`
	Languages        []string       `json:"supported_languages"`
}

type docNode struct {
	Name             string `json:"name"`
	ResourceType     string `json:"resource_type"`
	PackageName      string `json:"package_name"`
	Path             string `json:"path"`
	OriginalFilePath string `json:"original_file_path"`
	UniqueID         string `json:"unique_id"`
	Contents         string `json:"block_contents"`
}

type groupNode struct {
	Name             string         `json:"name"`
	ResourceType     string         `json:"resource_type"`
	PackageName      string         `json:"package_name"`
	Path             string         `json:"path"`
	OriginalFilePath string         `json:"original_file_path"`
	UniqueID         string         `json:"unique_id"`
	Owner            owner          `json:"owner"`
	Description      *string        `json:"description"`
	Config           map[string]any `json:"config"`
}

type unitTestNode struct {
	Model            string            `json:"model"`
	Given            []unitTestGiven   `json:"given"`
	Expect           unitTestRows      `json:"expect"`
	Name             string            `json:"name"`
	ResourceType     string            `json:"resource_type"`
	PackageName      string            `json:"package_name"`
	Path             string            `json:"path"`
	OriginalFilePath string            `json:"original_file_path"`
	UniqueID         string            `json:"unique_id"`
	FQN              []string          `json:"fqn"`
	Description      string            `json:"description"`
	Overrides        unitTestOverrides `json:"overrides"`
	DependsOn        dependsOn         `json:"depends_on"`
	Config           map[string]any    `json:"config"`
	Checksum         *string           `json:"checksum"`
	Schema           *string           `json:"schema"`
	CreatedAt        float64           `json:"created_at"`
	Versions         any               `json:"versions"`
	Version          any               `json:"version"`
}

type unitTestGiven struct {
	Input   string  `json:"input"`
	Rows    any     `json:"rows"` // []map[string]any, or the text of a query
	Format  string  `json:"format"`
	Fixture *string `json:"fixture"`
}

type unitTestRows struct {
	Rows    any     `json:"rows"` // []map[string]any, or the text of a query
	Format  string  `json:"format"`
	Fixture *string `json:"fixture"`
}

type unitTestOverrides struct {
	Macros  map[string]any `json:"macros"`
	Vars    map[string]any `json:"vars"`
	EnvVars map[string]any `json:"env_vars"`
}

// Package raw is the trimmed binding of the GoogleSQL engine: instances of the
// engine, and one Go method per wanted engine call. It knows nothing of
// catalogs as projects see them, of dialects or of trees: packages above it
// decode what they need and let no Handle escape.
//
// # Names
//
// Calls are methods of Module, named after the C++ class that declares them:
//
//	m.<Type>_<Method>(h, args...)  a method on the object h
//	m.New<Type><Variant>(args...)  a constructor or factory function
//	m.<Function>(args...)          a function: AnalyzeStatement, ParseScript, ...
//	m.<Type>_Free(h)               the destructor
//
// Type and Column stand for the classes of those names, ResolvedNode and
// ASTNode for the roots of the two trees. A method that overrides one of a base
// class exists under the base's name only (ResolvedNode_NodeKind,
// ResolvedScan_ColumnList, ResolvedExpr_Type, Type_TypeName): the call is
// virtual, and a handle of a derived class is a handle of its bases. Nothing
// checks that a handle is of the class a method expects; look at
// ResolvedNode_NodeKind, ASTNode_NodeKind or Type_Kind first. A digit at the end
// of a name numbers C++ overloads: FooList() is the list, FooList2(i) one
// element.
//
// Enumerations carry the bridge's numbers, one above those of C++ and of the
// protocol buffers; never mix the two. FunctionSignature_ContextId of a builtin
// is such a C++ number: add 1 to compare it with a FunctionSignatureId. Bytes
// travel in strings.
//
// # Errors
//
// Functions, constructors that check (…Deserialize, …Create, …From…) and
// methods that can ordinarily fail (Add…, Make…, Find…, Suggest…, To…) return an
// error. The rest — getters, setters, Free — return none and must run inside
// Do, which returns their failure. A trap makes the Module Broken: close it and
// open another. Traps come from failed internal checks (a table added twice,
// the builtins added twice, a getter on a Value of another type), from
// statements nested too deeply, and from memory above 2 GiB.
//
// # Ownership
//
// What the caller creates, the caller frees:
//
//   - AnalyzerOutput, ParserOutput: after decoding, always. They own every
//     node, column and value reached from them; such handles are not freed.
//   - LanguageOptions, AnalyzerOptions, ParserOptions, ParseResumeLocation.
//   - SimpleCatalog, SimpleTable, SimpleColumn, Function, TableValuedFunction
//     (all its classes), Procedure, SimpleConstant, SimpleModel,
//     SimpleConnection, unless an AddOwned… call or takeOwnership gave them
//     away. The comment of such a call says what it takes; its catalog frees it.
//   - TypeFactory: last, it owns the types it made. Types are never freed.
//   - FunctionSignature, FunctionArgumentType, FunctionProto, TVFRelation,
//     Value and its parts, when made by New….
//
// A freed handle must not be used again: nothing detects it. Close frees all.
//
// # Traps of the engine
//
//   - ParserOptions_SetLanguageOptions and NewParserOptions2 move their
//     argument out: the object is empty afterwards, and builtins registered from
//     it miss hundreds of functions without an error. Make one LanguageOptions
//     per consumer.
//   - The default time zone is America/Los_Angeles: call
//     AnalyzerOptions_SetDefaultTimeZone(options, m.UTC()).
//   - A folded DATE to DATETIME cast gives 1970-01-01 00:00:00;
//     AnalyzerOptions_SetFoldLiteralCast(options, false) avoids it.
//   - The fields of FunctionOptions replace all defaults of the C++ struct:
//     leave the argument out (NewFunction2, NewFunction4) or fill every field.
//   - ParseStatement never reports a position; ParseScript does when its
//     ErrorMessageOptions set Mode and Stability.
//   - A reference to a SQL function with arguments of ANY TYPE can be made from
//     the bytes of a FunctionProto only: MessageLite_ParseFromString, then
//     NewFunctionDeserialize.
//
// # Generation
//
// calls_*.go, values.go, enums.go, env.go and links.go are written by
// engine/googlesql/raw/gen from wanted.txt and two published modules; data.bin
// (the engine's data segment) and zoneinfo.zip (Go's time zone database) are
// copied. The engine's own packages are linked unchanged. Of the wanted calls only
// those are there that this folder or the one above mentions, which keeps the package
// quick to build: to use another one, write its name down and run the generator.
package raw

import ArgumentParser
import Messages
import Metrics
import Sweeps

/// `kvplan run`: a result again, or a scenario from a file.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run the command that a JSON result or a scenario file carries.",
    discussion: """
      JSON that kvplan prints carries the command that made it under `run`; a scenario file has the same fields, as YAML or JSON: `schema: 1`, `command`, and the flags of the command without \
      their dashes. Paths start from where kvplan is run.

      EXAMPLE
        kvplan run plan.json --format json
      """)

  @Argument(help: "JSON result, or scenario file (YAML or JSON).")
  var file: String

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  @Option(help: "Folder for the files that the command writes.")
  var output: String?

  @Option(help: "Which files to write, where the command has a choice, by commas.")
  var files: String?

  @OptionGroup var figures: FigureOptions

  func run() throws {
    let recipe = try RecipeReader.read(path: file)
    let words = try PastedCommand(expanding: recipe.words() + outputWords).said()
    Invocation.note(words)
    var command = try Kvplan.parseAsRoot(words)
    try command.run()
  }

  private var outputWords: [String] {
    ["--format=\(format.rawValue)"] + (output.map { ["--output=\($0)"] } ?? [])
      + (files.map { ["--files=\($0)"] } ?? []) + figures.figure.map { "--figure=\($0)" }
  }
}

extension RecipeReader.Recipe {
  /// The command line.
  ///
  /// - Throws: ``UserError`` with the place of a command or a setting that is none, or that has no such value.
  func words() throws -> [String] {
    let path = command.split(separator: " ").map(String.init)
    let named = NamedCommand(path)
    let arguments = named.command.arguments ?? []
    // What prints results in a choice of formats prints JSON, which carries the command.
    guard named.words == path, command != RunCommand._commandName,
      arguments.contains(where: { $0.isCalled("--format") })
    else {
      let nearest = nearestName(to: command, among: CommandInfo.outline(Kvplan.self).leaves)
      throw UserError(
        "\(place): no command `\(command)` can be run from a file",
        hint: nearest.flatMap { $0 == command ? nil : "did you mean `\($0)`?" }
          ?? "every command that has `--format` can, such as `simulate` or `plan capacity`")
    }
    return try path + fields.flatMap { try words(of: $0, arguments) }
  }

  private func words(
    of field: RecipeReader.Field, _ arguments: [CommandInfo.Argument]
  ) throws -> [String] {
    let flag = "--\(field.name)"
    let known = arguments.filter { $0.shouldDisplay && !RunRecipe.notKept.contains($0.key) }
    guard
      let argument = known.first(where: {
        $0.kind == .positional ? $0.key == field.name : $0.isCalled(flag)
      })
    else { throw unknown(field, known) }
    guard field.values.count == 1 || argument.isRepeating else {
      throw UserError(
        "\(field.place): `\(field.name)` takes one value, found \(field.values.count)")
    }
    switch argument.kind {
    case .positional: return field.values
    case .option: return field.values.map { "\(flag)=\($0)" }
    case .flag:
      guard let isOn = Bool(field.values[0]) else {
        throw UserError(
          "\(field.place): `\(field.name)` is true or false, found `\(field.values[0])`")
      }
      return isOn ? [flag] : []
    }
  }

  private func unknown(
    _ field: RecipeReader.Field, _ arguments: [CommandInfo.Argument]
  ) -> UserError {
    if RunRecipe.notKept.contains(field.name) {
      return UserError(
        "\(field.place): `\(field.name)` is no part of a recipe",
        hint: "give it to `kvplan run`: `--\(field.name) \(field.values.joined(separator: ","))`")
    }
    let names = arguments.flatMap { argument in
      argument.kind == .positional ? [argument.key] : (argument.names ?? []).map(\.name)
    }
    let listing = "`kvplan \(command) --help` lists all"
    return UserError(
      "\(field.place): `\(command)` has no setting `\(field.name)`",
      hint: nearestName(to: field.name, among: names).map { "did you mean `\($0)`? \(listing)" }
        ?? listing)
  }
}

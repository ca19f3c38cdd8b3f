import Foundation
import Messages
import Metrics
import Yams

/// Reads the recipe of a run: a file of its own, YAML or JSON, or the part `run` of a JSON result.
///
///     schema: 1                        run: { schema: 1, … }                of a plan
///     command: simulate                provenance: { run: { … } }           of `simulate`
///     trace: traces/sharegpt.csv       [ { provenance: { run: … } }, … ]    of `compare` and `--vary`
///     model: llama-3.1-8b
///
/// Every mistake is reported as `FILE:LINE:COLUMN: what`, counted from 1.
package struct RecipeReader {
  /// A setting with its place, for what others find wrong with it.
  package struct Field: Sendable {
    package var name: String
    /// One text for a value, several for a list.
    package var values: [String]
    /// `FILE:LINE:COLUMN`
    package var place: String
  }

  package struct Recipe: Sendable {
    package var command: String
    /// Where the command stands.
    package var place: String
    package var fields: [Field]
  }

  private static let schema = "schema"
  private static let command = "command"
  private static let version = "version"
  private static let run = "run"
  private static let provenance = "provenance"

  private let shapes: SweepReader

  /// - Throws: ``UserError`` for a file that cannot be read, has no recipe, or one of a newer version.
  package static func read(path: String) throws -> Recipe {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError("cannot read `\(path)`: no such file")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw UserError("\(path): not UTF-8")
    }
    return try read(text, path: path)
  }

  /// Reads a text; `path` names it in messages.
  package static func read(_ text: String, path: String) throws -> Recipe {
    let reader = RecipeReader(shapes: SweepReader(path: path, folder: "."))
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch { throw reader.shapes.unreadable(error) }
    guard let root, let node = reader.recipe(in: root) else {
      throw UserError(
        "\(path): no recipe: neither a `\(command)` nor a result's `\(run)` is in it",
        hint:
          "JSON that kvplan prints has it, or write `schema: \(RunRecipe.schema)` and `command: simulate`"
      )
    }
    return try reader.recipe(node)
  }

  /// The node of the recipe: the document, its `run`, or that of its provenance or its first element's.
  private func recipe(in root: Node) -> Node? {
    let result = root.sequence?.first ?? root
    guard let fields = result.mapping else { return nil }
    // Rows of measured runs have their number as `run`.
    let run = fields[Node(Self.run)].flatMap { $0.scalar == nil ? $0 : nil }
    return run ?? fields[Node(Self.provenance)]?.mapping?[Node(Self.run)]
      ?? (fields[Node(Self.command)] == nil ? nil : result)
  }

  private func recipe(_ node: Node) throws -> Recipe {
    let fields = try shapes.mapping(node, "a recipe")
    func field(_ name: String) -> Node? { fields.first { $0.key.text == name }?.value }
    try requireSchema(field(Self.schema), of: node, version: field(Self.version)?.string)
    guard let command = field(Self.command) else {
      throw shapes.error(
        node, "the field `\(Self.command)` is missing", hint: "such as `command: simulate`")
    }
    return Recipe(
      command: try shapes.word(command, "a command"), place: place(command),
      fields: try fields.filter {
        ![Self.schema, Self.command, Self.version].contains($0.key.text)
      }.map { key, value in
        Field(
          name: key.text, values: try shapes.values(value).map(\.0), place: place(key.node))
      })
  }

  private func requireSchema(_ node: Node?, of recipe: Node, version: String?) throws {
    guard let node else {
      throw shapes.error(
        recipe, "the field `\(Self.schema)` is missing", hint: "write `schema: \(RunRecipe.schema)`"
      )
    }
    let word = try shapes.word(node, "a whole number")
    guard let schema = Int(word), schema > 0 else {
      throw shapes.error(
        node,
        "`\(Self.schema)` must be a positive whole number, found `\(printable(Array(word.utf8).span))`",
        hint: "write `schema: \(RunRecipe.schema)`")
    }
    guard schema <= RunRecipe.schema else {
      let writer = version.map { "kvplan \($0)" } ?? "a newer kvplan"
      throw shapes.error(
        node,
        "`\(Self.schema)` is \(schema), and this kvplan reads up to \(RunRecipe.schema): "
          + "\(writer) wrote it",
        hint:
          "run it with that version, or write the settings anew with `schema: \(RunRecipe.schema)`")
    }
  }

  private func place(_ node: Node) -> String {
    node.mark.map { "\(shapes.path):\($0.line):\($0.column)" } ?? shapes.path
  }
}

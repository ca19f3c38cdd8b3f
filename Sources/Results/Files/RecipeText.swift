import Metrics

/// A recipe as the JSON object that results carry under `run`.
package enum RecipeText {
  /// - Parameter version: The tool's.
  package static func json(_ recipe: RunRecipe, version: String) -> JSONValue {
    .object(
      [
        .init("schema", .integer(RunRecipe.schema)), .init("version", .text(version)),
        .init("command", .text(recipe.command.joined(separator: " "))),
      ] + recipe.settings.map { .init($0.name, value($0)) })
  }

  private static func value(_ setting: RunRecipe.Setting) -> JSONValue {
    switch setting.values.count {
    case 0: .boolean(true)
    case 1: .text(setting.values[0])
    default: .array(setting.values.map { .text($0) })
    }
  }
}

/// The command that made a result, as data: results carry it, and `kvplan run` reads it.
package struct RunRecipe: Equatable, Sendable {
  /// One setting of the command: a flag without its dashes, or the name of an argument without one.
  package struct Setting: Equatable, Sendable {
    package var name: String
    /// One value, several of a flag that may be repeated, none of a flag that takes no value.
    package var values: [String]

    package init(_ name: String, _ values: [String]) {
      self.name = name
      self.values = values
    }
  }

  /// The words of the command, such as `plan`, `capacity`.
  package var command: [String]
  package var settings: [Setting]

  package init(command: [String], settings: [Setting]) {
    self.command = command
    self.settings = settings
  }

  /// What this version writes, and the highest that it reads.
  package static let schema = 1
}

import Messages

/// The models that are known by name.
///
/// The dimensions are the models' own published configurations where these could be read. Rows that
/// could not be checked field by field are marked in the tables; their parameter count still agrees
/// with the published one (within 1.5 %, tested).
package enum ModelCatalogue {
  /// Every model, families together, small to large.
  package static let all: [ModelSpec] =
    opt + llama + mistral + qwen + gemma + phiAndYi + deepSeek

  /// The model called `name`: its catalogue name or an alias, in any letter case.
  ///
  /// - Throws: ``UserError`` with the nearest name.
  package static func find(_ name: String) throws -> ModelSpec {
    let wanted = name.lowercased()
    let found = all.first { model in
      model.name == wanted || model.aliases.contains { $0.lowercased() == wanted }
    }
    if let found { return found }
    throw UserError.unknown(
      "model", name, among: all.map(\.name) + all.flatMap(\.aliases),
      listedBy: "kvplan catalog models")
  }
}

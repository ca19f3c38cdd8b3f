import Metrics
import Planning
import Results

extension JSONValue {
  /// The result with the command that made it, which `kvplan run` reads: an object has it as `run`, of a list each object in its
  /// `provenance`, as the results of `compare` do.
  var recorded: JSONValue {
    let run = Member("run", RecipeText.json(Invocation.recipe, version: toolVersion))
    switch self {
    case .object(let members): return .object([run] + members)
    case .array(let elements):
      return .array(
        elements.map { element in
          guard case .object(let members) = element else { return element }
          return .object(members + [Member("provenance", .object([run]))])
        })
    case .null, .boolean, .integer, .unsigned, .real, .text: return self
    }
  }
}

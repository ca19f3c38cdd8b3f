import Planning
import Results
import Serving

/// The commands that start the replicas of a plan.
extension PlanCells {
  /// A paragraph for each role.
  static func commands(_ deployment: Deployment) -> [String] {
    deployment.serveCommands.map { role, command in
      switch role {
      case .both: "One replica: \(command)"
      case .prefill: "A replica that prefills: \(command)"
      case .decode: "A replica that decodes: \(command)"
      }
    }
  }

  /// One command, or an object of those by role; `null` for none.
  static func command(_ deployment: Deployment?) -> JSONValue {
    let commands = deployment?.serveCommands ?? []
    guard commands.contains(where: { $0.role != .both }) else {
      return commands.first.map { .text($0.command) } ?? .null
    }
    return .object(commands.map { .init($0.role.rawValue, .text($0.command)) })
  }
}

import CostModel
import Planning
import Results

/// Fleets of two devices.
extension FleetReport {
  func isMixed(_ point: FleetPoint) -> Bool { request.mixes[point.candidate] != nil }

  /// What starts a replica on either device.
  func mixedCommands(_ point: FleetPoint) -> [String] {
    point.deployment.groups.compactMap { group in
      group.serveCommand.map { "A replica on \(group.scenario.device.name): \($0)" }
    }
  }

  func mixedJSON(_ point: FleetPoint) -> JSONValue.Member {
    .init(
      "mixed",
      .array(
        point.deployment.groups.map { group in
          .object([
            .init("device", .text(group.scenario.device.name)),
            .init("tensor_parallel_size", .integer(group.scenario.tensorParallel)),
            .init("replicas", .integer(group.count)),
            .init("command", group.serveCommand.map { .text($0) } ?? .null),
          ])
        }))
  }
}

import CostModel
import Fleet
import Serving
import SimulationKernel

/// What one would deploy: engines with their settings, how many of each, and what is in front of them.
package struct Deployment: Sendable {
  /// Replicas that are alike.
  package struct Group: Sendable {
    /// The engine of one replica. Its rate and window are those of the whole deployment.
    package var scenario: Scenario
    package var count: Int
    /// Which part of its requests each serves (`--replica role=`).
    package var role = ReplicaRole.both

    package init(_ scenario: Scenario, count: Int = 1) {
      self.scenario = scenario
      self.count = count
    }

    var gpus: Int { count * scenario.gpus }

    /// The role behind what the replicas are; nothing for both.
    var roleText: String { role == .both ? "" : " (\(role.rawValue))" }
  }

  /// At least one.
  package var groups: [Group]
  package var router: Router
  /// What replicas that decode read others over (`--kv-transfer-bandwidth`, `--kv-transfer-latency`); `nil` where none does.
  package var link: KVLink?
  /// Tokens of a prompt, less those that its prefix cache has, up to which a replica that decodes computes the prompt itself
  /// (`--max-local-prefill-length`); `nil` for never.
  package var localPrefillMax: Int?
  /// How replicas fail (`--fail`, `--mtbf`, `--mttr`); `nil` for not.
  package var failures: Failures?

  package init(groups: [Group], router: Router = .roundRobin) {
    precondition(!groups.isEmpty, "a deployment without replicas")
    self.groups = groups
    self.router = router
  }

  package init(_ scenario: Scenario, replicas: Int = 1, router: Router = .roundRobin) {
    self.init(groups: [Group(scenario, count: replicas)], router: router)
  }

  package var replicas: Int { groups.reduce(0) { $0 + $1.count } }

  package var gpus: Int { groups.reduce(0) { $0 + $1.gpus } }

  /// Thermal design power of all GPUs, watts: what they draw at most.
  package var watts: Double {
    groups.reduce(0) { $0 + Double($1.gpus) * $1.scenario.device.tdpWatts }
  }

  /// US dollars per hour; `nil` where the price of a device is not known.
  package var dollarsPerHour: Double? {
    var sum = 0.0
    for group in groups {
      guard let price = group.scenario.device.price else { return nil }
      sum += Double(group.gpus) * price.dollarsPerHour
    }
    return sum
  }

  /// Hours that a month is counted as: a twelfth of 8,760.
  package static let hoursPerMonth = 730.0

  /// The devices of its replicas, each once.
  package var devices: [DeviceSpec] {
    groups.map(\.scenario.device).reduce(into: []) { devices, device in
      if !devices.contains(where: { $0.name == device.name }) { devices.append(device) }
    }
  }

  /// The same deployment with another number of replicas of its only kind.
  package func with(replicas: Int) -> Deployment {
    precondition(groups.count == 1, "which of \(groups.count) kinds is meant?")
    return with(counts: [replicas])
  }

  /// The same deployment with other numbers of replicas, one for each group.
  package func with(counts: [Int]) -> Deployment {
    precondition(counts.count == groups.count, "\(counts.count) numbers for \(groups.count) kinds")
    var copy = self
    for (index, count) in counts.enumerated() { copy.groups[index].count = count }
    return copy
  }

  /// `2 × (4 × h100-sxm)`: replicas, each of so many GPUs.
  package var text: String {
    groups.map { group in
      let gpus = group.scenario.gpus
      let device = group.scenario.device.name
      let replica = gpus == 1 ? device : "(\(gpus) × \(device))"
      return "\(group.count) × \(replica)" + group.roleText
    }.joined(separator: " + ")
  }
}

extension Scenario {
  /// GPUs of one replica.
  package var gpus: Int { tensorParallel * pipelineParallel * dataParallel }
}

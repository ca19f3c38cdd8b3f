import ArgumentParser
import CostModel
import Fleet
import Foundation
import Messages
import Planning
import Serving
import SimulationKernel

/// What replicas that decode read the keys and values of others over.
struct LinkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      What replicas with `role=decode` read the keys and values of others over: GB/s into and out of each replica.
      """, valueName: "GB/s"))
  var kvTransferBandwidth: Double?

  @Option(
    help: ArgumentHelp(
      "Time from their request for keys and values to the first byte (default: 0).", valueName: "ms"
    ))
  var kvTransferLatency: Double?

  /// - Returns: `nil` where none was given.
  /// - Throws: ``UserError`` for a latency without a bandwidth, and for what is none.
  func link() throws -> KVLink? {
    guard let bandwidth = kvTransferBandwidth else {
      guard kvTransferLatency == nil else {
        throw UserError(
          "`--kv-transfer-latency` is of a link without a bandwidth",
          hint: "give `--kv-transfer-bandwidth` too, in GB/s")
      }
      return nil
    }
    guard bandwidth > 0, bandwidth < 1e9 else {
      throw UserError(
        "`--kv-transfer-bandwidth` must be above 0 and below 1e9 GB/s, found `\(bandwidth)`")
    }
    let latency = kvTransferLatency ?? 0
    guard latency >= 0, latency < 1e9 else {
      throw UserError(
        "`--kv-transfer-latency` must be at least 0 and below 1e9 ms, found `\(latency)`")
    }
    return KVLink(
      latency: SimDuration(rounding: latency / 1e3), bandwidth: bandwidth * 1e9)
  }
}

/// How many replicas there are, and of which kinds.
struct ReplicaOptions: ParsableArguments {
  @Option(help: "Replicas behind the router.")
  var replicas = 1

  @Option(
    help: ArgumentHelp(
      """
      Replicas of their own kind, `device=l40s,max-num-seqs=64,count=2`: settings that differ from \
      the other flags', and how many; repeated, for unlike replicas. With `role=prefill` they compute \
      prompts for those with `role=decode`.
      """, valueName: "settings"))
  var replica: [String] = []

  @OptionGroup var link: LinkOptions

  @Option(
    help: ArgumentHelp(
      """
      Tokens that the prefix cache of a replica with `role=decode` lacks of a prompt, up to which it computes the prompt \
      itself (default: it computes none).
      """, valueName: "tokens"))
  var maxLocalPrefillLength: Int?

  /// The replicas behind a router: alike, or as `--replica` says.
  ///
  /// - Parameter prices: Those that the user gave, by the name of the device.
  /// - Throws: ``UserError`` for no replica at all, numbers that contradict each other, and settings that are none.
  func deployment(
    of base: Scenario, router: Router, prices: [String: DeviceSpec.Price] = [:]
  ) throws -> Deployment {
    guard replicas > 0 else {
      throw UserError("`--replicas` must be at least 1, found `\(replicas)`")
    }
    try requireRoom(for: replicas, "`--replicas`")
    let link = try link.link()
    guard !replica.isEmpty else {
      var deployment = Deployment(base, replicas: replicas, router: router)
      deployment.link = link
      deployment.localPrefillMax = try localPrefillMax()
      return deployment
    }
    guard replicas == 1 else {
      throw UserError(
        "`--replicas` and `--replica` both say how many replicas there are",
        hint: "give each `--replica` a `count=`")
    }
    let groups = try replica.map { try group($0, of: base, prices: prices) }
    let (count, overflows) = groups.reduce((0, false)) { sum, group in
      let (count, overflow) = sum.0.addingReportingOverflow(group.count)
      return (count, sum.1 || overflow)
    }
    try requireRoom(for: overflows ? .max : count, "the `count` of all `--replica`")
    guard Set(groups.map(\.scenario.model.name)).count == 1 else {
      throw UserError("the replicas of a deployment serve one model")
    }
    var deployment = Deployment(groups: groups, router: router)
    deployment.link = link
    deployment.localPrefillMax = try localPrefillMax()
    return deployment
  }

  /// A replica has a pool, a queue and a scheduler: hundreds of kilobytes.
  private static let replicasMax = 10_000

  private func requireRoom(for count: Int, _ source: String) throws(UserError) {
    guard count > Self.replicasMax else { return }
    throw UserError(
      "\(source) must be at most \(Self.replicasMax), found `\(count)`",
      hint: "simulate a share of the replicas, with as large a share of the requests")
  }

  private func localPrefillMax() throws(UserError) -> Int? {
    guard let tokens = maxLocalPrefillLength, tokens < 0 else { return maxLocalPrefillLength }
    throw UserError("`--max-local-prefill-length` must be zero or more, found `\(tokens)`")
  }

  private func group(
    _ text: String, of base: Scenario, prices: [String: DeviceSpec.Price]
  ) throws -> Deployment.Group {
    var group = Deployment.Group(base)
    for item in text.split(separator: ",") {
      let parts = item.split(separator: "=", maxSplits: 1).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard parts.count == 2 else {
        throw UserError(
          "`--replica` must be settings and their values, found `\(item)`",
          hint: "such as `--replica device=l40s,count=2`")
      }
      if parts[0] == "count" {
        guard let count = Int(parts[1]), count > 0 else {
          throw UserError("`--replica`: `count` must be at least 1, found `\(parts[1])`")
        }
        group.count = count
      } else if parts[0] == "role" {
        guard let role = ReplicaRole(rawValue: parts[1]) else {
          throw UserError(
            "`--replica`: `role` must be prefill, decode or both, found `\(parts[1])`")
        }
        group.role = role
      } else {
        try setting(parts[0]).change(parts[1])(&group.scenario)
      }
    }
    group.scenario.device = group.scenario.device.priced(prices)
    return group
  }

  /// - Throws: ``UserError`` that names the nearest setting; `count` and `role` are some, beside the flags of `simulate`.
  private func setting(_ name: String) throws(UserError) -> ScenarioSetting {
    do {
      return try ScenarioSetting.find(name)
    } catch {
      guard let own = nearestName(to: name, among: ["count", "role"]) else { throw error }
      throw UserError(error.message, hint: "did you mean `\(own)`?")
    }
  }
}

/// The replicas of `simulate` and `compare`, one unless more are asked for.
struct FleetOptions: ParsableArguments {
  @OptionGroup var replicas: ReplicaOptions
  @OptionGroup var failures: FailureOptions

  @Option(
    help: """
      How requests are shared out among replicas: \
      \(Router.all.map(\.name).joined(separator: ", ")) (default: least-outstanding).
      """)
  var router: String?

  @Option(
    help: ArgumentHelp(
      """
      Seconds between two reports of what replicas have, which is what the router then knows beside what it has sent \
      since (default: 0, the state of the instant).
      """, valueName: "seconds"))
  var routerLoadPeriod: Double?

  /// - Throws: ``UserError`` as ``ReplicaOptions``, for a router that is unknown, a period that is none, and for either
  ///   without replicas to choose from.
  func deployment(of base: Scenario) throws -> Deployment {
    var chosen = try router.map { try Router.find($0) } ?? .leastOutstanding
    if let seconds = routerLoadPeriod {
      guard seconds >= 0, seconds < 1e9 else {
        throw UserError(
          "`--router-load-period` must be at least 0 and below 1e9 seconds, found `\(seconds)`")
      }
      chosen.loadPeriod = SimDuration(rounding: seconds)
    }
    var deployment = try replicas.deployment(of: base, router: chosen)
    deployment.failures = try failures.failures()
    let given =
      router.map { "--router \($0)" }
      ?? routerLoadPeriod.map { "--router-load-period \($0)" }
    if let given, deployment.replicas == 1 {
      throw UserError(
        "`\(given)` has 1 replica to choose from",
        hint: "give `--replicas 2` or more, or leave it out")
    }
    return deployment
  }
}

extension Router {
  /// The router of that name.
  ///
  /// - Throws: ``UserError`` that names the nearest.
  static func find(_ name: String) throws -> Router {
    if let router = all.first(where: { $0.name == name }) { return router }
    let names = all.map(\.name)
    throw UserError(
      "unknown router `\(name)`",
      hint: nearestName(to: name, among: names).map { "did you mean `\($0)`?" }
        ?? "routers are \(names.joined(separator: ", "))")
  }
}

extension Router: ExpressibleByArgument {
  public init?(argument: String) {
    guard let router = Router.all.first(where: { $0.name == argument }) else { return nil }
    self = router
  }

  public var defaultValueDescription: String { name }
  public static var allValueStrings: [String] { all.map(\.name) }
}

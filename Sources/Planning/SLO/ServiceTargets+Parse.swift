import Messages
import Serving
import SimulationKernel
import Workload

extension ServiceTargets {
  /// Reads targets as people write them: of classes by name, separated by semicolons, and of all others without one.
  ///
  ///     chat:ttft=2s,tpot=50ms; batch:e2e=10min; ttft=6s
  ///
  /// - Throws: ``UserError`` for what it does not know, and for targets that contradict each other.
  package init(_ text: String) throws(UserError) {
    self.init()
    for part in text.split(separator: ";", omittingEmptySubsequences: false) {
      try add(String(part).trimmed)
    }
  }

  private mutating func add(_ item: String) throws(UserError) {
    let scope = item.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let times = String(scope[scope.count - 1])
    let target = try ServiceTarget(times, item: item)
    guard scope.count == 2 else {
      guard others == nil else {
        throw UserError(
          "`--class` has two targets without a class, the second is `\(item)`",
          hint: "write `name:` before one of them")
      }
      others = target
      return
    }
    let name = String(scope[0]).trimmed
    guard !name.isEmpty, !classes.contains(where: { $0.name == name }) else {
      throw UserError(
        name.isEmpty
          ? "`--class` has no name before `:` in `\(item)`"
          : "`--class` has the class `\(name)` twice",
        hint: "write each class once, such as `chat:ttft=2s,tpot=50ms; batch:e2e=10min`")
    }
    classes.append(Named(name, target))
  }

  /// As users write it.
  package var text: String {
    (classes.map { "\($0.name):\($0.target.text)" } + (others.map { [$0.text] } ?? []))
      .joined(separator: "; ")
  }
}

extension ServiceTarget {
  private static let keys = ["ttft", "tpot", "e2e"]

  fileprivate init(_ times: String, item: String) throws(UserError) {
    var found: [String: SimDuration] = [:]
    for part in times.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
      guard pair.count == 2, Self.keys.contains(pair[0]) else {
        throw UserError(
          "`--class` has `\(String(part).trimmed)` in `\(item)`, which is no target",
          hint: "targets are ttft, tpot and e2e, such as `chat:ttft=2s,tpot=50ms`")
      }
      guard found[pair[0]] == nil else {
        throw UserError("`--class` gives `\(pair[0])` twice in `\(item)`", hint: "leave one out")
      }
      found[pair[0]] = SimDuration(
        rounding: try ServiceLevel.seconds(pair[1], item: String(part).trimmed))
    }
    guard (found["ttft"] != nil) != (found["e2e"] != nil) else {
      throw UserError(
        found["e2e"] == nil
          ? "`--class`: `\(item)` says neither when the first token is due nor when the last"
          : "`--class`: `\(item)` says when the first token is due and when the last",
        hint: "give `ttft` to who waits for the first token, `e2e` to who waits for the whole")
    }
    self.init(ttft: found["ttft"], tpot: found["tpot"], e2e: found["e2e"])
  }

  /// As users write it.
  fileprivate var text: String {
    zip(Self.keys, [ttft, tpot, e2e]).compactMap { key, time in
      time.map { "\(key)=\(plainTime($0.seconds))" }
    }.joined(separator: ",")
  }
}

extension Scenario {
  /// Refuses an order of service beside what it is not known with.
  func requireService() throws(UserError) {
    guard let service, service != .arrival else { return }
    let flag = "`--scheduling-policy \(service.name)`"
    if service.prompts?.needsTargets == true, targets == nil {
      throw UserError(
        "\(flag) serves by deadlines, and no class of requests has targets",
        hint: "give `--class 'chat:ttft=2s,tpot=50ms; batch:e2e=10min'`, or one target for all, "
          + "`--class ttft=2s,tpot=50ms`")
    }
    let others = [
      ("--async-scheduling", asyncScheduling == true && service.prompts != nil),
      ("--speculative-config", speculativeConfig != nil && service.prompts != nil),
      ("--kv-offloading-size", kvOffloadingGiB != nil && service.prompts != nil),
      ("--data-parallel-size", dataParallel > 1 && service.prompts != nil),
    ]
    if let other = others.first(where: \.1)?.0 {
      throw UserError(
        "\(flag) is not simulated together with `\(other)`", hint: "leave one of them out")
    }
  }

  /// Refuses targets of classes that the trace does not have, and requests that a policy by deadline has none for.
  func requireTargets(of trace: Trace) throws(UserError) {
    guard let targets else { return }
    let known = trace.classNames.map { "`\($0)`" }.joined(separator: ", ")
    for name in targets.classes.map(\.name) where !trace.classNames.contains(name) {
      throw UserError(
        "`--class` has targets of the class `\(name)`, which `\(trace.name)` does not have",
        hint: known.isEmpty
          ? "its requests have no classes: give one target for all, without a name"
          : "its classes are \(known)")
    }
    guard let service, service.prompts?.needsTargets == true, targets.others == nil else { return }
    let names: [String?] = [nil] + trace.classNames
    guard
      let request = trace.requests.first(where: {
        targets.target(of: names[Int($0.requestClass)]) == nil
      })
    else { return }
    let name = names[Int(request.requestClass)]
    throw UserError(
      "`--scheduling-policy \(service.name)` serves by deadlines, and "
        + (name.map { "the class `\($0)` of `\(trace.name)` has none" }
          ?? "`\(trace.name)` has requests of no class"),
      hint: "give `--class` its targets, or one without a name for all others")
  }
}

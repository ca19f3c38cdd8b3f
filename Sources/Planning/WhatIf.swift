import Messages
import Workload

/// A change to what a plan is asked, to be answered beside it: `rate=x2`, `outputs=x1.2`, `kv-cache-dtype=fp8`, `lose=1 replica`.
package struct WhatIf: Sendable {
  /// As given.
  package let text: String
  /// Factors on the rate, and on the lengths of prompts and outputs.
  package private(set) var rate = 1.0
  /// Replicas that fail while requests come, and do not return.
  package private(set) var losses = 0
  private var prompts = 1.0
  private var outputs = 1.0
  private var settings: [ScenarioSetting.Change] = []

  /// What changes beside settings.
  private static let ofRequests = ["rate", "prompts", "outputs", "lose"]

  /// What a plan decides by itself.
  package static let ofPlan = [
    "request-rate", "max-concurrency", "session-think-time", "num-warmups", "num-prompts", "first",
    "from-second", "to-second", "seed",
  ]

  /// - Parameters:
  ///   - text: One change, or several at once separated by commas.
  ///   - fixed: Settings that the plan searches over.
  /// - Throws: ``UserError`` for what is no change, unknown settings and values, and settings that a plan decides.
  package init(_ text: String, fixed: [String] = []) throws {
    self.text = text
    var names: [String] = []
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw UserError(
          "`--what-if` must be what changes, `=` and how, found `\(item)`",
          hint: "such as `--what-if rate=x2` or `--what-if kv-cache-dtype=fp8`")
      }
      let name = parts[0]
      guard !names.contains(name) else {
        throw UserError(
          "`--what-if \(text)` changes `\(name)` twice",
          hint: "give `--what-if` once for each value: all are answered side by side")
      }
      names.append(name)
      switch name {
      case "rate": rate = try Self.factor(name, parts[1])
      case "prompts": prompts = try Self.factor(name, parts[1])
      case "outputs": outputs = try Self.factor(name, parts[1])
      case "lose": losses = try Self.losses(parts[1])
      default: settings.append(try Self.setting(name, parts[1], fixed: fixed))
      }
    }
  }

  private static func factor(_ name: String, _ text: String) throws(UserError) -> Double {
    guard text.hasPrefix("x"), let factor = Double(text.dropFirst()), factor > 0, factor.isFinite
    else {
      throw UserError(
        "`--what-if \(name)=` takes `x` and a positive factor, found `\(text)`",
        hint: "such as `--what-if \(name)=x2`")
    }
    return factor
  }

  /// `1`, `1 replica`, `2 replicas`.
  private static func losses(_ text: String) throws(UserError) -> Int {
    let words = text.split(separator: " ")
    let isCount = words.count == 1 || words.count == 2 && words[1].hasPrefix("replica")
    guard isCount, let count = Int(words[0]), count > 0 else {
      throw UserError(
        "`--what-if lose=` takes a number of replicas, found `\(text)`",
        hint: "such as `--what-if 'lose=1 replica'`")
    }
    return count
  }

  private static func setting(
    _ name: String, _ value: String, fixed: [String]
  ) throws -> ScenarioSetting.Change {
    if name == "request-rate" {
      throw UserError(
        "`--what-if \(name)` is a factor on the rates that were asked about",
        hint: "write `--what-if rate=x2`")
    }
    guard !(ofPlan + fixed).contains(name) else {
      throw UserError(
        "`--what-if \(name)` changes what the plan decides by itself",
        hint: "make a second plan, with another `--\(name)` where it has one")
    }
    return try ScenarioSetting.find(name, beside: ofRequests).change(value)
  }

  /// Whether the deployment and the requests stay as they are.
  package var changesRateOnly: Bool {
    settings.isEmpty && prompts == 1 && outputs == 1 && losses == 0
  }

  func changed(_ scenario: Scenario) -> Scenario {
    settings.reduce(into: scenario) { $1(&$0) }
  }

  func changed(_ trace: Trace) throws -> Trace {
    prompts == 1 && outputs == 1 ? trace : try trace.scaled(prompts: prompts, outputs: outputs)
  }
}

extension CapacityStudy {
  /// What becomes of a capacity.
  package struct WhatIfAnswer: Sendable {
    package var whatIf: WhatIf
    /// What it does to the highest rate; `nil` where it does not touch it, and where no rate is too high.
    package var variation: Variation?
    /// The rates that were asked about, times the change's factor.
    package var asked: [Asked]
  }

  func answer(_ whatIf: WhatIf, _ comparison: PairedSearch) throws -> WhatIfAnswer {
    var changed = deployment
    for index in changed.groups.indices {
      changed.groups[index].scenario = whatIf.changed(changed.groups[index].scenario)
    }
    let probe = RateProbe(
      try PreparedDeployment(changed, prices: prices),
      trace: try whatIf.changed(trace), serviceLevel: serviceLevel)
    let variation =
      whatIf.changesRateOnly
      ? nil
      : try comparison.variation(whatIf.text, nil, probe)
    return WhatIfAnswer(
      whatIf: whatIf, variation: variation,
      asked: try asked(probe, rates.map { $0 * whatIf.rate }))
  }
}

extension FleetStudy {
  /// What would be recommended, with the same seeds.
  func answer(_ whatIf: WhatIf) throws -> Alternative {
    var changed = request
    changed.rate *= whatIf.rate
    changed.losses = whatIf.losses
    changed.candidates = changed.candidates.map(whatIf.changed)
    return try alternative(
      whatIf.text, changesPrices: false, changed, trace: try whatIf.changed(trace))
  }
}

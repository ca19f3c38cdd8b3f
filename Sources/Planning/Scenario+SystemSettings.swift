import CostModel
import Messages
import Serving
import SimulationKernel

/// Settings as the system has them where the user says nothing.
extension Scenario {
  var defaults: ServingSystem.Defaults {
    var known = ServingSystem.DefaultsCase(
      device: sizedDevice, release: release, modelLength: modelLength)
    known.model = model
    known.tensorParallel = tensorParallel
    known.pipelineParallel = pipelineParallel
    if !simulatesOneRank { known.dataParallel = dataParallel }
    known.maxSequences = maxSequences
    known.maxBatchedTokens = maxBatchedTokens
    known.drafts = draftTokens > 0
    return system.defaults(known)
  }

  var gpuMemoryShare: Double { gpuMemoryUtilization ?? defaults.gpuMemoryUtilization }
  package var hostMemoryGiB: Double { swapSpaceGiB ?? defaults.swapSpaceGiB }
  var release: String? { engineRelease ?? system.defaultRelease }

  /// What the system makes its own options of.
  package var choices: SystemChoices {
    var choices = SystemChoices(release: release, defaults: defaults)
    choices.prefixCaching = prefixCaching ?? (choices.prefixCaching && canCachePrefixes)
    if let chunkedPrefill { choices.chunkedPrefill = chunkedPrefill }
    if let longPrefillTokenThreshold {
      choices.longPrefillTokenThreshold = longPrefillTokenThreshold
    }
    choices.decidesAhead = asyncScheduling ?? false
    choices.cascades = cascades
    choices.victims = victims
    choices.eviction = eviction
    choices.service = service
    choices.targets = targets
    choices.pageGroups = pageGroupSettings
    choices.clientMaxTokens = clientMaxTokens
    choices.sglang = sglang
    choices.trtllm = trtllm
    return choices
  }
}

extension Scenario {
  /// Whether the engine can find again what the model keeps: releases before 0.26 do not, by default, where layers are
  /// recurrent.
  private var canCachePrefixes: Bool {
    model.layers.kinds.allSatisfy { !$0.layer.isRecurrent }
      || system.kvGroups(release: release)?.cachesStates ?? true
  }

  /// Refuses a prefix cache of which no rule is known.
  func requirePrefixCache() throws(UserError) {
    guard prefixCaching == true, !canCachePrefixes else { return }
    throw UserError(
      "`\(system.name)` of release \(release ?? "") is not known to cache prefixes of "
        + "`\(model.name)`, which has recurrent layers",
      hint: "leave out `--enable-prefix-caching`, or choose a later `--engine-release`")
  }
}

extension Scenario {
  /// Refuses to spread the experts of a model that has none, and on a device whose prices know no layout.
  func requireExperts() throws(UserError) {
    guard enableExpertParallel == true else { return }
    guard model.hasExperts else {
      throw UserError(
        "`--enable-expert-parallel` spreads routed experts over GPUs, and `\(model.name)` has none",
        hint: "leave it out")
    }
    guard device.software == .present else {
      throw UserError(
        "`--enable-expert-parallel`: the prices of `\(device.name)` do not tell how experts are cut",
        hint: "leave it out, or choose the device of today")
    }
  }

  /// Refuses loads of experts that cannot be, or that no price depends on.
  func requireExpertSkew() throws(UserError) {
    guard let expertSkew else { return }
    // Far beyond 10 the powers of the law overflow, and long before it all tokens fall on the first expert.
    guard (0...10).contains(expertSkew) else {
      throw UserError(
        "`--expert-skew` must lie between 0 and 10, found `\(expertSkew)`",
        hint: "0 is even, \(ExpertLoads.typicalSkew) what engines are measured with")
    }
    guard model.hasExperts, device.software == .present else {
      let why =
        model.hasExperts
        ? "the prices of `\(device.name)` do not tell loads" : "`\(model.name)` has none"
      throw UserError(
        "`--expert-skew` is how tokens fall on routed experts: \(why)", hint: "leave it out")
    }
  }

  /// Refuses ranks that step together where nothing makes them, and beside what is not known of them.
  func requireRanks() throws(UserError) {
    guard dataParallel != 1, !simulatesOneRank else { return }
    let flag = "`--data-parallel-size` \(dataParallel)"
    guard dataParallel > 1 else {
      throw UserError("`--data-parallel-size` must be at least 1, found `\(dataParallel)`")
    }
    guard model.hasExperts else {
      throw UserError(
        "\(flag): ranks share layers of experts, and `\(model.name)` has none",
        hint: "`--replicas \(dataParallel)` serves with as many engines behind a router")
    }
    let others = [
      ("--pipeline-parallel-size \(pipelineParallel)", pipelineParallel > 1),
      ("--async-scheduling", asyncScheduling == true),
      ("--kv-offloading-size", kvOffloadingGiB != nil),
      ("--enable-hierarchical-cache", sglang.hierarchicalCache == true),
    ]
    if let other = others.first(where: \.1)?.0 {
      throw UserError(
        "\(flag) is not simulated together with `\(other)`", hint: "leave one of them out")
    }
    guard device.software == .present else {
      throw UserError(
        "\(flag): the prices of `\(device.name)` do not tell how experts are cut",
        hint: "leave it out, or choose the device of today")
    }
  }

  /// Refuses iterations decided ahead in a release whose order of them is not known.
  func requireAsyncScheduling() throws(UserError) {
    guard asyncScheduling == true, let first = system.capabilities.decidesAheadFrom,
      let release, let asked = VLLMRelease(release), asked < first
    else { return }
    throw UserError(
      "`\(system.name)` of release \(release) is not known to schedule ahead as later ones do",
      hint: "leave out `--async-scheduling`, or choose an `--engine-release` from "
        + "\(first.major).\(first.minor) on")
  }
}

/// Settings that only some systems have.
extension Scenario {
  /// Whether the system has the setting; a release is a setting of the systems that know it.
  fileprivate func has(_ setting: ScenarioSetting) -> Bool {
    guard setting.name == ScenarioSetting.release, let engineRelease else {
      return setting.isOf(system)
    }
    return system.knows(release: engineRelease)
  }

  /// The same run without the settings that its system would have to ignore.
  package var withFlagsOfItsSystem: Scenario {
    var kept = self
    for setting in ScenarioSetting.ofSomeSystems where !kept.has(setting) { setting.clear(&kept) }
    return kept
  }

  /// Refuses settings that the system would have to ignore.
  func requireFlagsOfSystem() throws(UserError) {
    try requirePrefixCache()
    try requireExperts()
    try requireExpertSkew()
    try requireRanks()
    try requireAsyncScheduling()
    try requireService()
    try requireCascade()
    try requireOverlap()
    try requireTwoBatchOverlap()
    for setting in ScenarioSetting.ofSomeSystems where setting.isSet(self) && !has(setting) {
      // One rank is an engine by itself, whose prices alone know of the others.
      if simulatesOneRank && setting.name == "data-parallel-size" { continue }
      if setting.name == ScenarioSetting.release, let engineRelease, system.hasReleases {
        throw noSuchRelease(engineRelease, of: system)
      }
      throw UserError(
        "`\(system.name)` has no `--\(setting.name)`",
        hint: "leave it out, or choose a system that has it: \(list(setting.systems))")
    }
  }
}

extension [Scenario] {
  /// The same runs, each with those of the settings that its system has: what `compare` makes of flags that
  /// were given once for several systems.
  ///
  /// - Throws: ``UserError`` for a setting that none of the systems has.
  package func keepingFlagsOfTheirSystems() throws(UserError) -> [Scenario] {
    for setting in ScenarioSetting.ofSomeSystems {
      let setters = filter(setting.isSet)
      guard !setters.isEmpty, !setters.contains(where: { $0.has(setting) }) else { continue }
      throw noSystemHas(setting)
    }
    return map(\.withFlagsOfItsSystem)
  }

  private func noSystemHas(_ setting: ScenarioSetting) -> UserError {
    if setting.name == ScenarioSetting.release, let release = first?.engineRelease {
      let known = setting.systems.map { "\(releasesShown($0)) of `\($0.name)`" }
      return UserError(
        "none of the `--systems` has a release `\(release)`",
        hint: "releases are " + known.joined(separator: ", "))
    }
    return UserError(
      "none of the `--systems` has `--\(setting.name)`",
      hint: "leave it out, or add a system that has it: \(list(setting.systems))")
  }
}

private func list(_ names: [String]) -> String {
  names.map { "`\($0)`" }.joined(separator: " and ")
}

private func list(_ systems: [ServingSystem]) -> String { list(systems.map(\.name)) }

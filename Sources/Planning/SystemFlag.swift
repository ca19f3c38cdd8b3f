import Messages
import Serving

/// A setting that only some systems have, by the name of its flag.
package enum SystemFlag: String, CaseIterable, Sendable {
  case swapSpace = "swap-space"
  case preemptionMode = "preemption-mode"
  case engineRelease = "engine-release"
  case prefixCaching = "enable-prefix-caching"
  case chunkedPrefill = "enable-chunked-prefill"
  case longPrefillTokenThreshold = "long-prefill-token-threshold"
  case engineOverheads = "engine-overheads"

  package var systems: [ServingSystem] {
    switch self {
    case .swapSpace, .preemptionMode: [.vllmSOSP23, .vllm02]
    case .engineRelease: [.vllm02, .vllmV1]
    case .prefixCaching, .chunkedPrefill, .longPrefillTokenThreshold, .engineOverheads: [.vllmV1]
    }
  }
}

extension Scenario {
  /// Settings as the system has them where the user says nothing.
  var gpuMemoryShare: Double { gpuMemoryUtilization ?? system.defaultGPUMemoryUtilization }
  package var hostMemoryGiB: Double { swapSpaceGiB ?? system.defaultSwapSpaceGiB }
  var release: String? { engineRelease ?? system.defaultRelease }

  fileprivate func sets(_ flag: SystemFlag) -> Bool {
    switch flag {
    case .swapSpace: swapSpaceGiB != nil
    case .preemptionMode: preemptionMode != .automatic
    case .engineRelease: engineRelease != nil
    case .prefixCaching: prefixCaching != nil
    case .chunkedPrefill: chunkedPrefill != nil
    case .longPrefillTokenThreshold: longPrefillTokenThreshold != nil
    case .engineOverheads: [.kernelsOnly, .vllm].contains(engineOverheads)
    }
  }

  fileprivate mutating func clear(_ flag: SystemFlag) {
    switch flag {
    case .swapSpace: swapSpaceGiB = nil
    case .preemptionMode: preemptionMode = .automatic
    case .engineRelease: engineRelease = nil
    case .prefixCaching: prefixCaching = nil
    case .chunkedPrefill: chunkedPrefill = nil
    case .longPrefillTokenThreshold: longPrefillTokenThreshold = nil
    case .engineOverheads: engineOverheads = nil
    }
  }

  /// Whether the system has the flag; a release is a flag of the systems that know it.
  fileprivate func has(_ flag: SystemFlag) -> Bool {
    guard flag == .engineRelease, let engineRelease else { return flag.systems.contains(system) }
    return system.releases.contains(engineRelease)
  }

  /// The same run without the settings that its system would have to ignore.
  package var withFlagsOfItsSystem: Scenario {
    var kept = self
    for flag in SystemFlag.allCases where !kept.has(flag) { kept.clear(flag) }
    return kept
  }

  /// Refuses settings that the system would have to ignore.
  func requireFlagsOfSystem() throws(UserError) {
    for flag in SystemFlag.allCases where sets(flag) && !has(flag) {
      if flag == .engineRelease, let engineRelease, !system.releases.isEmpty {
        throw noSuchRelease(engineRelease, of: system)
      }
      throw UserError(
        "`\(system.rawValue)` has no `--\(flag.rawValue)`",
        hint: "leave it out, or choose a system that has it: \(list(flag.systems))")
    }
  }
}

extension [Scenario] {
  /// The same runs, each with those of the flags that its system has: what `compare` makes of flags that
  /// were given once for several systems.
  ///
  /// - Throws: ``UserError`` for a flag that none of the systems has.
  package func keepingFlagsOfTheirSystems() throws(UserError) -> [Scenario] {
    for flag in SystemFlag.allCases {
      let setting = filter { $0.sets(flag) }
      guard !setting.isEmpty, !setting.contains(where: { $0.has(flag) }) else { continue }
      throw noSystemHas(flag)
    }
    return map(\.withFlagsOfItsSystem)
  }

  private func noSystemHas(_ flag: SystemFlag) -> UserError {
    if flag == .engineRelease, let release = first?.engineRelease {
      let known = flag.systems.map { "\(list($0.releases)) of `\($0.rawValue)`" }
      return UserError(
        "none of the `--systems` has a release `\(release)`",
        hint: "releases are " + known.joined(separator: ", "))
    }
    return UserError(
      "none of the `--systems` has `--\(flag.rawValue)`",
      hint: "leave it out, or add a system that has it: \(list(flag.systems))")
  }
}

private func list(_ names: [String]) -> String {
  names.map { "`\($0)`" }.joined(separator: " and ")
}

private func list(_ systems: [ServingSystem]) -> String { list(systems.map(\.rawValue)) }

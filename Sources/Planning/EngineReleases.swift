import CostModel
import Messages
import Serving

/// `--engine-release`: one release for every system that knows it, or one for each system by name.
///
///     0.2.7                           every system that has a release 0.2.7
///     vllm-0.2=0.2.0,vllm-v1=0.10     these releases of these systems, the newest of others
package struct EngineReleases: Equatable, Sendable {
  private var common: String?
  private var named: [(system: ServingSystem, release: String)] = []

  /// - Throws: ``UserError`` for a system that is unknown or named twice, a release that its system
  ///   does not have, and more than one release without a system.
  package init(_ text: String) throws(UserError) {
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { String($0).trimmed }
      guard words.count == 2 else {
        guard common == nil, !words[0].isEmpty else {
          throw UserError(
            "`--engine-release` takes one release, or one for each system, found `\(text)`",
            hint: "such as `--engine-release vllm-0.2=0.2.0,vllm-v1=0.10`")
        }
        common = words[0]
        continue
      }
      guard let system = ServingSystem(named: words[0]) else {
        throw UserError.unknown(
          "system", words[0], among: ServingSystem.all.map(\.name),
          listedBy: "kvplan catalog systems")
      }
      guard system.knows(release: words[1]) else {
        throw noSuchRelease(words[1], of: system)
      }
      guard !named.contains(where: { $0.system == system }) else {
        throw UserError("`--engine-release` names `\(system.name)` twice")
      }
      named.append((system, words[1]))
    }
  }

  /// The release that is asked for `system`; `nil` for none in particular.
  package func release(for system: ServingSystem) -> String? {
    named.first { $0.system == system }?.release ?? common
  }

  /// - Throws: ``UserError`` where a release is asked for a system that is not among `systems`.
  package func require(_ systems: [ServingSystem]) throws(UserError) {
    for (system, release) in named where !systems.contains(system) {
      throw UserError(
        "`--engine-release` \(system.name)=\(release): `\(system.name)` is not simulated",
        hint: "leave it out, or add the system")
    }
  }

  package static func == (a: EngineReleases, b: EngineReleases) -> Bool {
    a.common == b.common && a.named.elementsEqual(b.named, by: ==)
  }
}

/// A system was asked for a release that it does not have.
func noSuchRelease(_ release: String, of system: ServingSystem) -> UserError {
  guard !system.releases.isEmpty else {
    return UserError("`\(system.name)` has no releases to choose from")
  }
  return UserError(
    "`\(system.name)` has no release `\(release)`",
    hint: "its releases are \(releasesShown(system))")
}

/// A system's releases for a message: each, or the first and the last of many.
func releasesShown(_ system: ServingSystem) -> String {
  system.releasesText.split(separator: " ")
    .map { $0.first?.isNumber == true ? "`\($0)`" : "\($0)" }.joined(separator: " ")
}

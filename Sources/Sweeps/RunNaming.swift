import CostModel
import Foundation
import Metrics
import Planning
import SimulationKernel
import Synchronization
import Workload

/// A point of a grid with its names.
package struct KeyedRun: Sendable {
  /// Number of the point in its grid.
  package var index: Int
  package var key: RunKey
  /// The same without the tool's version and the profile: equal for what different versions made of
  /// one point.
  package var point: RunKey
  /// Digest of the device profile, 16 hexadecimal digits.
  package var profile: String
}

/// Gives runs their keys: hashes of what they are, whatever they are called in the file.
package final class RunNaming: Sendable {
  private struct Profile: Sendable {
    var device: String
    var own: DeviceProfile?
    var digest: String
  }

  private let traces: [String: String]
  private let version: String
  private let profiles = Mutex<[Profile]>([])

  /// - Parameter traces: The traces of the sweep by the names that the file gives them.
  package init(_ traces: [String: Trace], version: String = toolVersion) {
    self.traces = traces.mapValues(Self.digest)
    self.version = version
  }

  /// What runs that differ in nothing but their seeds have in common.
  struct Configuration: Sendable {
    fileprivate var digest: [UInt8]
    fileprivate var profile: String
  }

  /// A scenario that cannot be resolved is named by its settings as given.
  ///
  /// - Complexity: About 15 µs; a name of one of its runs then takes one or two.
  func configuration(_ point: SweepPoint) -> Configuration {
    let scenario = point.scenario
    var text = "trace=\(traces[point.trace] ?? "")\n"
    let profile: String
    do {
      let resolved = try scenario.resolved(prices: .none)
      profile = try self.profile(of: scenario)
      text += Self.identity(resolved)
    } catch {
      profile = "none"
      text += "impossible\n"
      for setting in ScenarioSetting.all where setting.name != "seed" {
        text += "\(setting.name)=\(setting.text(scenario))\n"
      }
    }
    return Configuration(digest: SHA256.digest(Array(text.utf8)).bytes, profile: profile)
  }

  /// The names of a configuration's run.
  func named(_ index: Int, _ configuration: Configuration, seed: UInt64) -> KeyedRun {
    let seed = (0..<8).map { UInt8(truncatingIfNeeded: seed >> (56 - 8 * UInt64($0))) }
    let name = SHA256.digest(configuration.digest + seed)
    let full = SHA256.digest(name.bytes + Array("\(version) \(configuration.profile)".utf8))
    return KeyedRun(
      index: index, key: RunKey(full), point: RunKey(name), profile: configuration.profile)
  }

  /// The names of a point.
  func named(_ point: SweepPoint) -> KeyedRun {
    named(point.index, configuration(point), seed: point.scenario.seed)
  }

  /// What decides a result beside the seed, a line each.
  static func identity(_ resolved: ResolvedScenario) -> String {
    resolved.identity.map { "\($0.name)=\($0.value)\n" }.joined()
  }

  /// Devices of the papers' time are priced by formulas that only the version changes.
  private func profile(of scenario: Scenario) throws -> String {
    let device = scenario.device
    guard device.software == .present else { return "paper-era" }
    let known = profiles.withLock { profiles in
      profiles.first { $0.device == device.name && $0.own == scenario.deviceProfile }?.digest
    }
    if let known { return known }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let profile = try DeviceProfile.pricing(device, own: scenario.deviceProfile)
    var hash = SHA256()
    hash.update(Array(try encoder.encode(profile)))
    let digest = String(hash.finish().hexadecimal.prefix(16))
    profiles.withLock {
      $0.append(
        Profile(
          device: device.name, own: scenario.deviceProfile,
          digest: digest))
    }
    return digest
  }

  /// A digest of what a trace asks for, whatever its file is called or looks like.
  package static func digest(_ trace: Trace) -> String {
    var hash = SHA256()
    hash.update(trace.hasArrivals ? 1 : 0)
    for (index, request) in trace.requests.enumerated() {
      hash.update(trace.hasArrivals ? request.arrival.nanoseconds : 0)
      for length in [
        request.promptTokens, request.outputTokens, request.samples, request.beamWidth,
        request.session ?? -1,
      ] { hash.update(Int64(length)) }
      guard let contents = trace.contents else { continue }
      for piece in contents.pieces(of: index) {
        hash.update(piece.stream)
        hash.update(Int64(piece.start) << 32 | Int64(piece.count))
      }
    }
    return hash.finish().hexadecimal
  }
}

import CostModel
import Messages
import Workload

extension FleetRequest {
  /// Fleets of two devices: so many replicas of one candidate, and any number of another's.
  package struct Mix: Equatable, Sendable {
    package var first: Int
    package var count: Int
    package var second: Int
  }

  /// Candidates that are not made of two others.
  package var unmixed: Range<Int> { 0..<(mixes.firstIndex { $0 != nil } ?? candidates.count) }

  /// Adds a candidate for each pair of those on different devices, and each number of replicas of the one that takes more
  /// GPUs. Only candidates with the same settings are paired.
  ///
  /// - Throws: ``UserError`` where there are no two devices, and for so many that their pairs take too long.
  package mutating func mix() throws(UserError) {
    let devices = Set(candidates.map(\.device.name)).count
    guard devices <= Self.mixedDevicesMax else {
      throw UserError(
        "`--mixed` tries every pair of devices, and \(devices) are given",
        hint: "name up to \(Self.mixedDevicesMax) with `--devices`")
    }
    guard devices > 1 else {
      throw UserError(
        "`--mixed` is of fleets of two devices, and only `\(candidates[0].device.name)` is given",
        hint: "name more `--devices`, or leave `--mixed` out")
    }
    for one in unmixed {
      for other in unmixed.suffix(from: one + 1)
      where candidates[one].device.name != candidates[other].device.name
        && labels[one] == labels[other]
      {
        let isLarger = candidates[one].gpus >= candidates[other].gpus
        let (first, second) = isLarger ? (one, other) : (other, one)
        let left = maxGPUs - candidates[second].gpus
        for count in 1...max(left / candidates[first].gpus, 1)
        where count * candidates[first].gpus <= left {
          candidates.append(candidates[first])
          labels.append(labels[first])
          splits.append(nil)
          mixes.append(Mix(first: first, count: count, second: second))
        }
      }
    }
  }

  private static let mixedDevicesMax = 4

  func load(of trace: Trace) -> PlannedLoad {
    PlannedLoad(trace, thinkTime: candidates[0].thinkTime)
  }
}

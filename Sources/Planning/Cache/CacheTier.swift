import Messages

/// A place for KV blocks below the GPUs' own pool: host memory, a disk, a store over the network.
package struct CacheTier: Equatable, Sendable {
  package var name: String
  package var gibibytes: Double
  /// Bytes per second towards the GPUs of a replica, all together.
  package var bandwidth: Double
  /// `nil` where no price is given.
  package var dollarsPerGiBMonth: Double?

  package var bytes: Double { gibibytes * Double(1 << 30) }

  package var dollarsPerMonth: Double? { dollarsPerGiBMonth.map { $0 * gibibytes } }

  /// An exbibyte: its bytes are still whole numbers.
  private static let gibibytesMax = 1_073_741_824.0

  /// Reads `NAME:GiB:GB/s` or `NAME:GiB:GB/s:$`, the last per GiB and month.
  ///
  /// - Throws: ``UserError`` for what is none, and for a tier without room or bandwidth.
  package init(_ text: String) throws(UserError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let numbers = parts.dropFirst().compactMap(Double.init).filter(\.isFinite)
    guard (3...4).contains(parts.count), !parts[0].isEmpty, numbers.count == parts.count - 1 else {
      throw UserError(
        "`--tier` must be a name, GiB, GB/s and, if you like, $ per GiB and month, by colons, found `\(text)`",
        hint: "write `--tier host:512:50:0.4`")
    }
    guard numbers[0] > 0 else {
      throw UserError(
        "tier `\(parts[0])` has no room: `\(parts[1])` GiB",
        hint: "give GiB above 0, or leave it out")
    }
    guard numbers[0] <= Self.gibibytesMax else {
      throw UserError(
        "tier `\(parts[0])` of `\(parts[1])` GiB is larger than an exbibyte",
        hint: "give GiB up to \(Int(Self.gibibytesMax))")
    }
    guard numbers[1] > 0 else {
      throw UserError(
        "tier `\(parts[0])` has no bandwidth: `\(parts[2])` GB/s",
        hint: "give GB/s above 0: what lies there could never be restored")
    }
    guard numbers.count < 3 || numbers[2] >= 0 else {
      throw UserError(
        "tier `\(parts[0])` costs `\(parts[3])` $ per GiB and month", hint: "give 0 or more")
    }
    name = parts[0]
    gibibytes = numbers[0]
    bandwidth = numbers[1] * 1e9
    dollarsPerGiBMonth = numbers.count == 3 ? numbers[2] : nil
  }
}

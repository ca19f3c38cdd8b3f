import SimulationKernel

/// How many drafts a model accepts, drawn for every verification of a sequence by itself: neither the batch nor the order
/// in which it is computed changes what comes of it.
package struct AcceptanceDraws: Equatable, Sendable {
  /// By position, the share of verifications that accept the draft there and all before it; in [0, 1], never rises.
  package let cumulative: [Double]
  private let key: UInt64

  /// - Parameter cumulative: As many as are drafted, or more.
  package init(cumulative: [Double], seed: UInt64) {
    self.cumulative = cumulative
    var stream = RandomStream(seed: seed, label: "acceptance")
    key = stream.next()
  }

  /// One draw decides all positions: drafts are accepted up to the first whose share it reaches.
  ///
  ///     shares   0.8   0.6   0.3        a draw of 0.5: two are accepted
  ///
  /// - Parameter time: How many verifications of the sequence came before.
  func accepted(_ sequence: Int32, time: Int32) -> Int32 {
    let mixed = splitmix64(key &+ UInt64(UInt32(bitPattern: sequence)))
    let bits = splitmix64(mixed &+ UInt64(UInt32(bitPattern: time)))
    let draw = Double(bits >> 11) * 0x1p-53
    return Int32(cumulative.firstIndex { draw >= $0 } ?? cumulative.count)
  }
}

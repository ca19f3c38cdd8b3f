/// A seeded stream of random numbers (xoshiro256**), the same on every machine.
///
/// One seed names a whole run; each purpose draws from a stream of its own, named by a label, so that
/// changing how one thing is drawn leaves the others' draws alone:
///
///     var gaps = RandomStream(seed: 42, label: "arrivals")
///     var lengths = RandomStream(seed: 42, label: "lengths")
///
/// - Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021); the state is
///   filled by splitmix64, as the authors advise.
package struct RandomStream: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// Starts the stream that `label` names under `seed`.
  package init(seed: UInt64, label: String) {
    var mixer = seed
    for byte in label.utf8 { mixer = splitmix64(mixer ^ UInt64(byte)) }
    let a = splitmix64(mixer &+ 1)
    let b = splitmix64(a)
    let c = splitmix64(b)
    state = (a, b, c, splitmix64(c))
  }

  package mutating func next() -> UInt64 {
    let result = rotateLeft(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotateLeft(state.3, 45)
    return result
  }

  /// A uniform draw in [0, 1), with 53 random bits.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A uniform draw in `0..<bound` without bias.
  ///
  /// - Precondition: `bound` is positive.
  /// - Source: Lemire, "Fast random integer generation in an interval" (2019).
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "RandomStream.below: bound \(bound) is not positive")
    let bound = UInt64(bound)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  private func rotateLeft(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
}

/// The finaliser of splitmix64: a bijection on 64-bit words that passes for random.
///
/// - Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
@inlinable package func splitmix64(_ x: UInt64) -> UInt64 {
  var z = x &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

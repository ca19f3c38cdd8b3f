import Foundation

/// numpy's `Generator` over PCG64, as `numpy.random.default_rng(seed)` makes it, so that published workloads can be drawn
/// again number by number.
///
/// Only for that: simulations draw from `RandomStream`.
///
/// - Source: O'Neill, "PCG" (2014), XSL-RR with 128 bits of state; seeded as numpy's `SeedSequence` does; integers by Lemire
///   (2019) on 32 bits, which numpy takes for spans below 2³²; numpy 1.17 to 2.4 draw the same.
struct NumpyGenerator {
  private var state: UInt128
  private let increment: UInt128
  /// The upper half of a word of which only the lower half was asked for.
  private var spare: UInt32?

  init(seed: UInt64) {
    let words = SeedSequence(seed).words(4)
    increment = (UInt128(words[2]) << 64 | UInt128(words[3])) << 1 | 1
    state = 0
    step()
    state &+= UInt128(words[0]) << 64 | UInt128(words[1])
    step()
  }

  mutating func next() -> UInt64 {
    step()
    let folded = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
    let turn = UInt64(truncatingIfNeeded: state >> 122)
    return folded >> turn | folded << ((64 - turn) & 63)
  }

  /// A draw of 32 bits: the lower half of a word, then its upper half.
  private mutating func nextHalf() -> UInt32 {
    if let half = spare {
      spare = nil
      return half
    }
    let word = next()
    spare = UInt32(word >> 32)
    return UInt32(truncatingIfNeeded: word)
  }

  private mutating func step() {
    state = state &* 0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645 &+ increment
  }

  /// `rng.random()`: a uniform draw in [0, 1).
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// `rng.integers(range.lowerBound, range.upperBound)`.
  ///
  /// - Precondition: The range is not empty, and has fewer than 2³² numbers.
  mutating func integer(in range: Range<Int>) -> Int {
    let span = UInt32(range.count)
    if span == 1 { return range.lowerBound }
    var product = UInt64(nextHalf()) * UInt64(span)
    if UInt32(truncatingIfNeeded: product) < span {
      let threshold = (0 &- span) % span
      while UInt32(truncatingIfNeeded: product) < threshold {
        product = UInt64(nextHalf()) * UInt64(span)
      }
    }
    return range.lowerBound + Int(product >> 32)
  }

  /// `rng.exponential(mean)`, by the ziggurat.
  mutating func exponential(mean: Double) -> Double {
    let ziggurat = Ziggurat.exponential
    while true {
      let bits = next() >> 3
      let layer = Int(bits & 0xFF)
      let place = bits >> 8
      let x = Double(place) * ziggurat.widths[layer]
      if place < ziggurat.insides[layer] { return mean * x }
      if layer == 0 { return mean * (ziggurat.end - log1p(-uniform())) }
      if ziggurat.isBelow(exp(-x), layer, uniform()) { return mean * x }
    }
  }

  /// `rng.standard_normal()`, by the ziggurat.
  mutating func normal() -> Double {
    let ziggurat = Ziggurat.normal
    while true {
      let bits = next()
      let layer = Int(bits & 0xFF)
      let place = bits >> 9 & (1 << 52 - 1)
      let x = (bits >> 8 & 1 == 1 ? -1 : 1) * (Double(place) * ziggurat.widths[layer])
      if place < ziggurat.insides[layer] { return x }
      if layer == 0 { return normalTail(isNegative: place >> 8 & 1 == 1) }
      if ziggurat.isBelow(exp(-0.5 * x * x), layer, uniform()) { return x }
    }
  }

  private mutating func normalTail(isNegative: Bool) -> Double {
    let end = Ziggurat.normal.end
    while true {
      let x = -log1p(-uniform()) / end
      let y = -log1p(-uniform())
      if 2 * y > x * x { return isNegative ? -(end + x) : end + x }
    }
  }

  /// `rng.lognormal(mean, sigma)`.
  mutating func lognormal(mean: Double, sigma: Double) -> Double { exp(mean + sigma * normal()) }
}

/// numpy's `SeedSequence` of one integer: the words that start a generator.
///
/// - Source: O'Neill's `seed_seq_fe` (2015) with a pool of four words, as in numpy's `bit_generator.pyx`.
private struct SeedSequence {
  private var pool: [UInt32]

  init(_ seed: UInt64) {
    let high = UInt32(seed >> 32)
    // A seed below 2³² is one word, and words that are missing count as 0, so both halves can be given.
    let entropy = [UInt32(truncatingIfNeeded: seed), high, 0, 0]
    var multiplier: UInt32 = 0x43b0_d7e5
    func hashed(_ value: UInt32) -> UInt32 {
      var value = value ^ multiplier
      multiplier &*= 0x931e_8875
      value &*= multiplier
      return value ^ value >> 16
    }
    pool = entropy.map(hashed)
    for source in 0..<4 {
      for target in 0..<4 where target != source {
        let mixed = 0xca01_f9dd &* pool[target] &- 0x4973_f715 &* hashed(pool[source])
        pool[target] = mixed ^ mixed >> 16
      }
    }
  }

  /// `generate_state(count, uint64)`.
  func words(_ count: Int) -> [UInt64] {
    var multiplier: UInt32 = 0x8b51_f9dd
    let halves = (0..<2 * count).map { index in
      var value = pool[index % 4] ^ multiplier
      multiplier &*= 0x58f3_8ded
      value &*= multiplier
      return value ^ value >> 16
    }
    return (0..<count).map { UInt64(halves[2 * $0]) | UInt64(halves[2 * $0 + 1]) << 32 }
  }
}

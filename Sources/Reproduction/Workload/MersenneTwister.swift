import Foundation

/// The generator of Python's `random` and of numpy's `RandomState`, so that the artifact's workloads can
/// be drawn again number by number.
///
/// Only for that: simulations draw from `RandomStream`.
///
/// - Source: Matsumoto and Nishimura, "Mersenne Twister" (1998), MT19937 with the two ways of seeding of
///   their reference code (2002).
struct MersenneTwister {
  private static let size = 624
  private var state: [UInt32]
  private var index = MersenneTwister.size

  /// `numpy.random.seed(seed)`.
  init(numpySeed seed: UInt32) {
    state = [seed]
    for index in 1..<Self.size {
      let last = state[index - 1]
      state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(index))
    }
  }

  /// `random.seed(seed)` of Python, for a seed below 2³².
  init(pythonSeed seed: UInt32) {
    self.init(numpySeed: 19_650_218)
    var place = 1
    func mixed(_ factor: UInt32, _ state: [UInt32]) -> UInt32 {
      let last = state[place - 1]
      return state[place] ^ ((last ^ (last >> 30)) &* factor)
    }
    func advance(_ state: inout [UInt32]) {
      place += 1
      if place == Self.size {
        state[0] = state[Self.size - 1]
        place = 1
      }
    }
    for _ in 0..<Self.size {
      state[place] = mixed(1_664_525, state) &+ seed
      advance(&state)
    }
    for _ in 1..<Self.size {
      state[place] = mixed(1_566_083_941, state) &- UInt32(place)
      advance(&state)
    }
    state[0] = 0x8000_0000
  }

  mutating func next() -> UInt32 {
    if index == Self.size { refill() }
    var word = state[index]
    index += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9d2c_5680
    word ^= (word << 15) & 0xefc6_0000
    return word ^ (word >> 18)
  }

  private mutating func refill() {
    for index in 0..<Self.size {
      let joined =
        (state[index] & 0x8000_0000) | (state[(index + 1) % Self.size] & 0x7fff_ffff)
      state[index] =
        state[(index + 397) % Self.size] ^ (joined >> 1) ^ (joined & 1 == 1 ? 0x9908_b0df : 0)
    }
    index = 0
  }

  /// A uniform draw in [0, 1) of 53 bits; `random.random()` in both.
  mutating func uniform() -> Double {
    let high = Double(next() >> 5)
    let low = Double(next() >> 6)
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }

  /// `numpy.random.exponential(mean)`.
  mutating func exponential(mean: Double) -> Double { mean * -log(1 - uniform()) }

  /// `numpy.random.randint(low, high)` for a range of at most 2³² numbers.
  mutating func integer(in range: Range<Int>) -> Int {
    let last = UInt32(range.count - 1)
    let mask = last == 0 ? 0 : UInt32.max >> UInt32(last.leadingZeroBitCount)
    var word: UInt32
    repeat { word = next() & mask } while word > last
    return range.lowerBound + Int(word)
  }

  /// `numpy.random.poisson(mean)` for a mean below 10.
  mutating func poisson(mean: Double) -> Int {
    let bound = exp(-mean)
    var count = 0
    var product = uniform()
    while product > bound {
      count += 1
      product *= uniform()
    }
    return count
  }

  /// Python's `random.shuffle(items)`.
  ///
  /// - Precondition: Fewer than 2³² items.
  mutating func shuffle<T>(_ items: inout [T]) {
    guard items.count > 1 else { return }
    for last in stride(from: items.count - 1, to: 0, by: -1) {
      let bits = Int.bitWidth - (last + 1).leadingZeroBitCount
      var place: Int
      repeat { place = Int(next() >> UInt32(32 - bits)) } while place > last
      items.swapAt(last, place)
    }
  }
}

import Foundation
import Messages
import SimulationKernel

/// How requests arrive, as users write it. All but ``allAtOnce`` have a mean rate besides.
package enum ArrivalProcess: Equatable, Sendable {
  /// `poisson`: independent exponential gaps.
  case poisson
  /// `gamma:2`: gamma gaps with this coefficient of variation; 1 is Poisson.
  case gamma(cv: Double)
  /// `weibull:2`: Weibull gaps with this coefficient of variation; 1 is Poisson.
  case weibull(cv: Double)
  /// `onoff:10,50`: Poisson bursts of so many seconds in the mean, and silences, both exponential;
  /// the rate within bursts is such that the mean rate over all is the one asked for.
  case onOff(on: Double, off: Double)
  /// `diurnal:4,86400`: a Poisson process whose rate follows a cosine, low at the start, its peak
  /// so many times its trough, with this period in seconds.
  case diurnal(ratio: Double, period: Double)
  /// `quanta`: Poisson, each arrival moved back to a multiple of 10 ms.
  ///
  /// - Source: the PagedAttention artifact draws a Poisson number of requests for every 10 ms.
  case quanta
  /// `all-at-once`: everybody at the start.
  case allAtOnce

  /// The process that `text` names.
  ///
  /// - Throws: ``UserError`` that says how processes are written.
  package init(parsing text: String) throws(UserError) {
    guard let process = Self.parsed(text) else {
      throw UserError(
        "`\(text)` is no arrival process",
        hint: "write `poisson`, `gamma:CV`, `weibull:CV`, `onoff:ON_S,OFF_S`, "
          + "`diurnal:PEAK_OVER_TROUGH,PERIOD_S`, `quanta` or `all-at-once`")
    }
    self = process
  }

  private static func parsed(_ text: String) -> ArrivalProcess? {
    let halves = text.split(separator: ":", maxSplits: 1).map(String.init)
    let numbers =
      halves.count < 2 ? [] : halves[1].split(separator: ",").map { Double($0) ?? .nan }
    guard numbers.allSatisfy({ $0 > 0 && $0 < 1e9 }) else { return nil }
    switch (halves.first, numbers.count) {
    case ("poisson", 0): return .poisson
    case ("gamma", 1): return numbers[0] >= 0.05 && numbers[0] <= 20 ? .gamma(cv: numbers[0]) : nil
    case ("weibull", 1):
      return numbers[0] >= 0.05 && numbers[0] <= 20 ? .weibull(cv: numbers[0]) : nil
    case ("onoff", 2): return .onOff(on: numbers[0], off: numbers[1])
    case ("diurnal", 2):
      return numbers[0] >= 1 ? .diurnal(ratio: numbers[0], period: numbers[1]) : nil
    case ("quanta", 0): return .quanta
    case ("all-at-once", 0): return .allAtOnce
    default: return nil
    }
  }
}

/// Draws arrivals one after another from the stream `arrivals`.
struct ArrivalDraws {
  private let process: ArrivalProcess
  private let rate: Double
  private var stream: RandomStream
  /// Seconds of the arrival drawn last.
  private var now = 0.0
  /// Shape of a Weibull law.
  private var shape = 1.0
  /// Seconds left of the burst that ``now`` lies in.
  private var burstLeft = 0.0

  /// - Parameter rate: Requests per second in the long run, positive.
  init(_ process: ArrivalProcess, rate: Double, seed: UInt64) {
    self.process = process
    self.rate = rate
    stream = RandomStream(seed: seed, label: "arrivals")
    switch process {
    case .weibull(let cv): shape = weibullShape(cv: cv)
    case .onOff(let on, _): burstLeft = stream.exponential(mean: on)
    default: break
    }
  }

  /// Seconds from the start to the next arrival.
  mutating func next() -> Double {
    switch process {
    case .poisson, .quanta: now += stream.exponential(mean: 1 / rate)
    case .gamma(let cv):
      let shape = 1 / (cv * cv)
      now += stream.gamma(shape: shape) / shape / rate
    case .weibull:
      let scale = 1 / (rate * tgamma(1 + 1 / shape))
      now += scale * pow(stream.exponential(mean: 1), 1 / shape)
    case .onOff(let on, let off): stepWithinBursts(on: on, off: off)
    case .diurnal(let ratio, let period): stepUnderCurve(ratio: ratio, period: period)
    case .allAtOnce: return 0
    }
    if process == .quanta { return (now * 100).rounded(.down) / 100 }
    return now
  }

  /// Spends an exponential gap within bursts only.
  private mutating func stepWithinBursts(on: Double, off: Double) {
    var gap = stream.exponential(mean: on / (on + off) / rate)
    while gap > burstLeft {
      gap -= burstLeft
      now += burstLeft + stream.exponential(mean: off)
      burstLeft = stream.exponential(mean: on)
    }
    burstLeft -= gap
    now += gap
  }

  /// Draws at the peak's rate and keeps an arrival with the probability of the curve there.
  ///
  /// - Source: Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by thinning"
  ///   (1979).
  private mutating func stepUnderCurve(ratio: Double, period: Double) {
    let peak = 2 * rate * ratio / (ratio + 1)
    let trough = peak / ratio
    while true {
      now += stream.exponential(mean: 1 / peak)
      let level = trough + (peak - trough) * (1 - cos(2 * .pi * now / period)) / 2
      if stream.uniform() * peak < level { return }
    }
  }
}

/// The shape of the Weibull law whose coefficient of variation is `cv`, by bisection.
func weibullShape(cv: Double) -> Double {
  var (low, high) = (0.1, 40.0)
  for _ in 0..<100 {
    let shape = (low + high) / 2
    let mean = tgamma(1 + 1 / shape)
    let squared = tgamma(1 + 2 / shape) / (mean * mean) - 1
    if squared.squareRoot() > cv { low = shape } else { high = shape }
  }
  return (low + high) / 2
}

extension RandomStream {
  /// A gamma draw with scale 1; its mean is `shape`.
  ///
  /// - Source: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); below
  ///   shape 1 a draw of shape + 1 times a power of a uniform, as they advise.
  mutating func gamma(shape: Double) -> Double {
    if shape < 1 {
      let whole = gamma(shape: shape + 1)
      return whole * pow(1 - uniform(), 1 / shape)
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      guard v > 0 else { continue }
      if log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
    }
  }
}

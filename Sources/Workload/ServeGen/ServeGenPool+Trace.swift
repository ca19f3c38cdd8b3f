import Foundation
import Messages
import SimulationKernel

extension ServeGenPool {
  /// The requests of all clients from `start` to `end` seconds of the data's clock, counted from
  /// `start`.
  ///
  /// Each client is a renewal process in each of its windows: gaps have the window's law and shape, at
  /// the window's rate; its published scale, fitted by itself, need not give that rate. A window begins
  /// in the midst of a gap, not with a request, so that bursty clients send no more than their rate.
  /// Prompts and outputs are drawn independently, since the data has no pairs.
  ///
  /// Draws come from the streams `servegen gaps N` and `servegen lengths N` of client N.
  ///
  /// - Parameter requestRate: All clients' rates are scaled so that together they have this one,
  ///   requests per second, over the span; `nil` leaves them.
  /// - Throws: ``UserError`` for an empty span, a rate that is not positive, a span in which nobody
  ///   sends, and a client that sends before its first lengths.
  /// - Complexity: O(n log n) for n requests.
  package func trace(
    from start: Double, to end: Double, requestRate: Double?, seed: UInt64
  ) throws(UserError) -> Trace {
    guard start >= 0, start < end, end - start <= Double(DecimalSeconds.secondsMax) else {
      throw UserError("the window from \(plain(start)) to \(plain(end)) s is empty")
    }
    let offered = expectedRequests(from: start, to: end) / (end - start)
    guard offered > 0 else {
      throw UserError(
        "`\(name)`: nobody sends a request from \(plain(start)) to \(plain(end)) s")
    }
    var factor = 1.0
    if let requestRate {
      guard requestRate > 0, requestRate.isFinite else {
        throw UserError("`--request-rate` must be positive, found `\(plain(requestRate))`")
      }
      try RequestRate.requireAtMostHighest(requestRate)
      factor = requestRate / offered
    }
    var requests: [Request] = []
    for client in clients {
      var gaps = RandomStream(seed: seed, label: "servegen gaps \(client.number)")
      var lengths = RandomStream(seed: seed, label: "servegen lengths \(client.number)")
      for (window, first, last) in client.spans(from: start, to: end) {
        guard let habit = window.habit else { continue }
        guard let drawn = client.lengths.last(where: { $0.start <= window.start }) else {
          throw UserError(
            "`\(name)`: client \(client.number) sends at \(plain(window.start)) s, before the first "
              + "lengths of its dataset")
        }
        let mean = 1 / (habit.rate * factor)
        var now = first + gaps.rest(of: habit.law) * mean
        while now < last {
          requests.append(
            Request(
              arrival: .zero + SimDuration(rounding: now - start),
              promptTokens: drawn.prompt.tokens(at: lengths.uniform()),
              outputTokens: drawn.output.tokens(at: lengths.uniform())))
          now += gaps.gap(of: habit.law) * mean
        }
      }
    }
    guard !requests.isEmpty else {
      throw UserError("no request was drawn in \(plain(end - start)) s: lengthen the window")
    }
    let order = requests.indices.sorted {
      (requests[$0].arrival, $0) < (requests[$1].arrival, $1)
    }
    return Trace(name: "like \(name)", requests: order.map { requests[$0] }, hasArrivals: true)
  }

  /// The requests that clients send on average.
  func expectedRequests(from start: Double, to end: Double) -> Double {
    clients.reduce(0) { sum, client in
      sum
        + client.spans(from: start, to: end).reduce(0) {
          $0 + ($1.window.habit?.rate ?? 0) * ($1.last - $1.first)
        }
    }
  }
}

extension ServeGenPool.Client {
  /// The windows as far as they lie between `start` and `end`. The last window is as long as the one
  /// before it, or 600 s where it is the only one.
  fileprivate func spans(
    from start: Double, to end: Double
  ) -> [(window: ServeGenPool.Window, first: Double, last: Double)] {
    windows.indices.compactMap { index in
      let window = windows[index]
      let length =
        index + 1 < windows.count
        ? windows[index + 1].start - window.start
        : index > 0 ? window.start - windows[index - 1].start : 600
      let (first, last) = (max(start, window.start), min(end, window.start + length))
      return first < last ? (window, first, last) : nil
    }
  }
}

extension RandomStream {
  /// A gap of mean 1.
  fileprivate mutating func gap(of law: ServeGenPool.GapLaw) -> Double {
    switch law {
    case .gamma(let shape): gamma(shape: shape) / shape
    case .weibull(let shape):
      pow(exponential(mean: 1), 1 / shape) / tgamma(1 + 1 / shape)
    }
  }

  /// What is left of a gap of mean 1 at a moment that has nothing to do with it: a uniform share of a
  /// gap that is met the more likely the longer it is.
  ///
  /// A gamma gap met so has a shape higher by 1; a Weibull gap's power is then gamma of shape 1 + 1/k.
  fileprivate mutating func rest(of law: ServeGenPool.GapLaw) -> Double {
    let share = uniform()
    switch law {
    case .gamma(let shape): return share * gamma(shape: shape + 1) / shape
    case .weibull(let shape):
      return share * pow(gamma(shape: 1 + 1 / shape), 1 / shape) / tgamma(1 + 1 / shape)
    }
  }
}

import Foundation
import Messages
import SimulationKernel

extension Trace {
  /// The same requests without their arrivals, so that new ones can be drawn.
  package func withoutArrivals() -> Trace {
    var trace = self
    trace.hasArrivals = false
    for index in trace.requests.indices { trace.requests[index].arrival = .zero }
    return trace
  }

  /// The same requests in the same order, arriving as a Poisson process.
  ///
  /// The first request comes one gap after the start. Each gap is exponential, drawn from the
  /// stream `arrivals` of `seed` and rounded to a nanosecond by itself, so that a longer trace
  /// begins with the arrivals of a shorter one.
  ///
  /// - Parameters:
  ///   - poissonRate: Requests per second, positive and finite.
  ///   - sessions: Whether sessions come at that rate instead: their first turns, and requests of none. Other turns keep
  ///     their arrivals.
  /// - Throws: ``UserError`` for any other rate, and for one so low that a request would arrive
  ///   later than a trace can say (4 000 000 000 s).
  /// - Complexity: O(requests).
  package consuming func retimed(
    poissonRate: Double, seed: UInt64, sessions: Bool = false
  ) throws(UserError) -> Trace {
    guard poissonRate > 0, poissonRate.isFinite else {
      throw UserError(
        "`--request-rate` must be a positive number of requests per second, "
          + "found `\(plain(poissonRate))`")
    }
    let count = requests.count
    var trace = consume self
    trace.hasArrivals = true
    var gaps = RandomStream(seed: seed, label: "arrivals")
    let secondsMax = Double(DecimalSeconds.secondsMax)
    var arrival = SimInstant.zero
    var begun: Set<Int32> = []
    for index in trace.requests.indices {
      if sessions, let session = trace.requests[index].session,
        !begun.insert(session).inserted
      {
        continue
      }
      let gap = gaps.exponential(mean: 1 / poissonRate)
      guard gap < secondsMax, arrival.seconds + gap < secondsMax else {
        throw UserError(
          "`--request-rate` \(plain(poissonRate)) is too low: request \(index + 1) of "
            + "\(count) would arrive after \(DecimalSeconds.secondsMax) s")
      }
      arrival = arrival + SimDuration(rounding: gap)
      trace.requests[index].arrival = arrival
    }
    return trace
  }

  /// The same requests in the same order, with the gaps of each window of time in another order.
  ///
  ///     window   |·· a ···· b · c ····|        gaps 2, 4, 1
  ///     again    |· a ·· b ···· c ····|             1, 2, 4
  ///
  /// Another day with the same traffic: as many requests in each window, as far apart, drawn from the stream `gaps` of
  /// `seed`.
  ///
  /// - Parameter window: Seconds, above 0; the first window begins at 0.
  /// - Precondition: The trace has arrivals, in ascending order.
  /// - Complexity: O(requests).
  package func reshuffled(window: Double, seed: UInt64) -> Trace {
    precondition(hasArrivals && window > 0, "Trace.reshuffled: `\(name)` by \(window) s")
    var trace = self
    var chance = RandomStream(seed: seed, label: "gaps")
    var first = 0
    while first < requests.count {
      let number = (requests[first].arrival.seconds / window).rounded(.down)
      var end = first + 1
      while end < requests.count,
        (requests[end].arrival.seconds / window).rounded(.down) == number
      { end += 1 }
      // From the start of the window; in nanoseconds, so that the last request stays where it is.
      var arrival = min(.zero + SimDuration(rounding: number * window), requests[first].arrival)
      let gaps = (first..<end).map { index in
        requests[index].arrival - (index == first ? arrival : requests[index - 1].arrival)
      }
      var order = Array(gaps.indices)
      chance.shuffle(&order)
      for (index, place) in zip(first..<end, order) {
        arrival = arrival + gaps[place]
        trace.requests[index].arrival = arrival
      }
      first = end
    }
    return trace
  }

  /// A trace of exactly `count` requests made from these rows.
  ///
  ///     rows a b c    count 2:  a b                       repetitions 0
  ///                   count 8:  a b c | c a b | b c       repetitions 2
  ///
  /// Each repetition is shuffled anew by the stream `repeat` of `seed`. A repeated row keeps its
  /// session; what prompts have in common follows ``PromptContents/selecting(_:)``. Where
  /// `repetitions` is above 0 the user should be told.
  ///
  /// - Parameter count: Requests wanted (`--num-prompts`), at least 1.
  /// - Returns: The trace, and how often the rows were begun again: 0 if none repeats.
  /// - Throws: ``UserError`` where `count` is not positive, and where rows with arrivals of their
  ///   own would repeat: time does not. Call ``withoutArrivals()`` first where arrivals are drawn
  ///   anew.
  /// - Precondition: The trace is not empty.
  /// - Complexity: O(`count`).
  package func taking(
    count: Int, seed: UInt64
  ) throws(UserError) -> (trace: Trace, repetitions: Int) {
    try checkRequestCount(count)
    precondition(!requests.isEmpty, "Trace.taking: `\(name)` has no requests")
    if count == requests.count { return (self, 0) }
    if count < requests.count { return (selecting(Array(0..<count)), 0) }
    if hasArrivals {
      throw UserError(
        "`--num-prompts` \(count) would repeat the \(requests.count) requests of `\(name)`, "
          + "which have arrivals of their own",
        hint: "add `--request-rate` to draw new arrivals, or ask for at most "
          + "\(requests.count) requests")
    }
    var order = RandomStream(seed: seed, label: "repeat")
    var repetitions = 0
    var repeated = self
    repeated.requests.reserveCapacity(count)
    // Which rows they are is kept only where there is more to select: a run may have many millions.
    let areAlone = contents == nil && notes == RequestNotes()
    var rows = areAlone ? [] : Array(requests.indices)
    while repeated.requests.count < count {
      var pass = Array(requests.indices)
      order.shuffle(&pass)
      pass.removeLast(max(0, pass.count - (count - repeated.requests.count)))
      for row in pass { repeated.requests.append(requests[row]) }
      if !areAlone { rows += pass }
      repetitions += 1
    }
    if !areAlone {
      repeated.contents = contents?.selecting(rows)
      repeated.notes = notes.selecting(rows)
    }
    return (repeated, repetitions)
  }
}

/// Checks a number of requests that the user asked for.
func checkRequestCount(_ count: Int) throws(UserError) {
  if count < 1 {
    throw UserError("`--num-prompts` must be a positive integer, found `\(count)`")
  }
  // A request with its record: more do not fit, and are not what anyone meant.
  let bytes = 100.0 * Double(count)
  let memory = Double(ProcessInfo.processInfo.physicalMemory)
  guard count <= Int(Int32.max), bytes <= memory else {
    throw UserError(
      "`--num-prompts` \(count) takes about \(Int((bytes / 1e9).rounded())) GB, the machine has "
        + "\(Int((memory / 1e9).rounded()))", hint: "ask for fewer requests")
  }
}

import Messages
import SimulationKernel

extension Trace {
  /// The requests `rows` of this trace, in that order, with what their prompts consist of.
  ///
  /// - Precondition: With arrivals, `rows` keeps them in order.
  func selecting(_ rows: [Int]) -> Trace {
    var selected = self
    selected.requests = rows.map { requests[$0] }
    selected.contents = contents?.selecting(rows)
    selected.notes = notes.selecting(rows)
    selected.sample = nil
    return selected
  }

  /// The requests that arrive in [`from`, `to`) seconds, their arrivals counted from `from`.
  ///
  /// - Throws: ``UserError`` where the trace has no arrivals, the window is empty, or nobody
  ///   arrives in it.
  package func sliced(from: Double, to: Double) throws(UserError) -> Trace {
    guard hasArrivals else {
      throw UserError(
        "`\(name)` has no arrivals to cut a window from",
        hint: "cut rows: `--from-row` and `--to-row`")
    }
    let last = Double(DecimalSeconds.secondsMax)
    guard from >= 0, from < to, from <= last else {
      throw UserError(
        "the window from `--from-second` \(plain(from)) to `--to-second` \(plain(to)) is empty",
        hint: "give a later `--to-second`")
    }
    let start = SimInstant.zero + SimDuration(rounding: from)
    let end = SimInstant.zero + SimDuration(rounding: min(to, last + 1))
    let rows = requests.indices.filter {
      requests[$0].arrival >= start && requests[$0].arrival < end
    }
    guard !rows.isEmpty else {
      let (first, final) = (requests[0].arrival, requests[requests.count - 1].arrival)
      throw UserError(
        "no request of `\(name)` arrives from \(plain(from)) s "
          + (to.isFinite ? "to \(plain(to)) s" : "on") + ": they arrive from "
          + "\(DecimalSeconds.text(first)) to \(DecimalSeconds.text(final)) s")
    }
    var trace = selecting(rows)
    for index in trace.requests.indices {
      trace.requests[index].arrival = .zero + (trace.requests[index].arrival - start)
    }
    return trace
  }

  /// The rows `range`, counted from 0; arrivals stay.
  ///
  /// - Throws: ``UserError`` where the trace has no such rows.
  package func sliced(rows range: Range<Int>) throws(UserError) -> Trace {
    guard range.lowerBound >= 0, range.upperBound <= requests.count, !range.isEmpty else {
      throw UserError(
        "rows \(range.lowerBound) to \(range.upperBound) of `\(name)`, which has "
          + "\(requests.count): no such rows")
    }
    return selecting(Array(range))
  }

  /// A sample: each request stays with the probability `share`, drawn from the stream `thin`.
  ///
  /// Thinning a Poisson process leaves one of the lower rate. With `bySession` the draw is for a
  /// whole session, so that conversations stay whole.
  ///
  /// - Parameter share: In (0, 1].
  /// - Throws: ``UserError`` for another share, and where no request is left.
  package func thinned(
    share: Double, bySession: Bool, seed: UInt64
  ) throws(UserError) -> Trace {
    guard share > 0, share <= 1 else {
      throw UserError("`--share` must lie above 0 and be at most 1, found `\(plain(share))`")
    }
    var draws = RandomStream(seed: seed, label: "thin")
    var stays: [Int32: Bool] = [:]
    let rows = requests.indices.filter { index in
      guard bySession, let session = requests[index].session else {
        return draws.uniform() < share
      }
      if let known = stays[session] { return known }
      let isKept = draws.uniform() < share
      stays[session] = isKept
      return isKept
    }
    guard !rows.isEmpty else {
      throw UserError("a share of \(plain(share)) leaves none of the \(requests.count) requests")
    }
    return selecting(rows)
  }

  /// The same requests at `rate` times the rate: every arrival divided by it, to the nanosecond.
  ///
  /// - Throws: ``UserError`` where the trace has no arrivals, `rate` is not positive, or arrivals
  ///   would lie beyond what a trace can say.
  package func scaled(rate: Double) throws(UserError) -> Trace {
    guard hasArrivals else { throw UserError("`\(name)` has no arrivals whose rate to scale") }
    guard rate > 0, rate.isFinite else {
      throw UserError("`--rate` must be a positive factor, found `\(plain(rate))`")
    }
    var trace = self
    for index in requests.indices {
      let seconds = requests[index].arrival.seconds / rate
      guard seconds <= Double(DecimalSeconds.secondsMax) else {
        throw UserError(
          "`--rate` \(plain(rate)) puts arrivals beyond \(DecimalSeconds.secondsMax) s")
      }
      trace.requests[index].arrival = .zero + SimDuration(rounding: seconds)
    }
    return trace
  }

  /// The same requests with lengths multiplied and rounded, at least 1.
  ///
  /// What prompts consist of is dropped where prompts change: a longer one has tokens that the trace does not
  /// know. It stays where only outputs do: a prompt that quotes more of an output than there is finds it in no cache.
  ///
  /// - Throws: ``UserError`` for a factor that is not positive, and lengths beyond `Int32`.
  package func scaled(prompts: Double, outputs: Double) throws(UserError) -> Trace {
    func scaled(_ tokens: Int32, _ factor: Double, _ flag: String) throws(UserError) -> Int32 {
      guard factor > 0, factor.isFinite else {
        throw UserError("`\(flag)` must be a positive factor, found `\(plain(factor))`")
      }
      let product = max(1, (Double(tokens) * factor).rounded())
      guard let whole = Int32(exactly: product) else {
        throw UserError("`\(flag)` \(plain(factor)) makes \(tokens) tokens more than \(Int32.max)")
      }
      return whole
    }
    var trace = self
    for index in requests.indices {
      trace.requests[index].promptTokens = try scaled(
        requests[index].promptTokens, prompts, "--prompts")
      trace.requests[index].outputTokens = try scaled(
        requests[index].outputTokens, outputs, "--outputs")
    }
    if prompts != 1 { trace.contents = nil }
    return trace
  }
}

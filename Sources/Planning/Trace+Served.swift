import Messages
import Workload

extension Trace {
  /// How many requests of a trace are served, and which.
  package struct Portion: Sendable {
    /// `--num-prompts`; `nil` for the rows of the trace.
    package var count: Int?
    /// The first rows of a longer trace in place of a sample (`--first`).
    package var isFirst: Bool
    package var seed: UInt64

    package init(count: Int?, isFirst: Bool, seed: UInt64) {
      self.count = count
      self.isFirst = isFirst
      self.seed = seed
    }
  }

  /// The requests that are served: all rows, a sample or the first of them, or more by repeating them.
  ///
  /// - Parameters:
  ///   - drawsArrivals: Whether requests come as the run says, not as the trace says.
  ///   - warnings: Takes what the user should know.
  /// - Throws: ``UserError`` for a count that is not positive, and for rows with arrivals that would repeat.
  package func served(
    _ portion: Portion, drawsArrivals: Bool, warnings: inout [String]
  ) throws -> Trace {
    guard let count = portion.count else { return drawsArrivals ? withoutArrivals() : self }
    guard count < requests.count, !portion.isFirst else {
      let taken = try (drawsArrivals ? withoutArrivals() : self).taking(
        count: count, seed: portion.seed)
      if taken.repetitions > 0 {
        warnings.append(
          "`--num-prompts` \(count) is more than the \(requests.count) rows of `\(name)`: "
            + "they are repeated, shuffled by seed \(portion.seed)")
      }
      return taken.trace
    }
    let sample = try sampled(count: count, seed: portion.seed)
    guard let text = sample.sample?.text else { return sample }
    warnings.append("`--num-prompts` \(count) takes \(text)")
    if drawsArrivals { return sample.withoutArrivals() }
    if hasArrivals {
      warnings.append(
        "the sample comes at \(plain(rounded(sample.offeredRate))) req/s, the trace at "
          + "\(plain(rounded(offeredRate))): `--request-rate` draws arrivals at another rate, `--first` takes the first "
          + "rows as they come")
    }
    return sample
  }
}

/// Three digits behind the point.
func rounded(_ rate: Double) -> Double { (rate * 1000).rounded() / 1000 }

/// What a trace is like: its load, its lengths, and what its prompts have in common.
package struct TraceDescription: Equatable, Sendable {
  /// Requests in the trace.
  package let rows: Int
  /// Seconds from the first arrival to the last; `nil` without arrivals.
  package let spanSeconds: Double?
  /// Requests per second: ``rows`` over ``spanSeconds``; `nil` without arrivals or where the span
  /// is 0.
  package let requestRate: Double?
  /// Standard deviation over mean of the gaps between arrivals: 1 for a Poisson process, more where
  /// requests come in bursts. `nil` without arrivals or where the span is 0.
  package let interarrivalCV: Double?
  /// Share of the gaps that are 0, in [0, 1]: high where a clock was coarse.
  package let zeroGapShare: Double?
  /// Index of dispersion of counts, their variance over their mean, in windows of 1, 10 and 60 s;
  /// 1 for a Poisson process. `nil` with fewer than two whole windows.
  package let dispersion: [Double?]
  package let prompt: LengthSummary
  package let output: LengthSummary
  package let promptBuckets: LengthBuckets
  package let outputBuckets: LengthBuckets
  /// Spearman's rank correlation of prompt and output tokens, ties at their average rank; `nil`
  /// where one side does not vary.
  package let rankCorrelation: Double?
  /// Whether lengths within 1.6 % of each other counted as ties, as in traces above 2²⁰ rows.
  package let isRankCorrelationBinned: Bool
  /// Distinct sessions; requests without one do not count.
  package let sessionCount: Int
  /// Requests with more than one sample (`n` > 1).
  package let sampledRequestCount: Int
  /// Requests decoded by beam search.
  package let beamRequestCount: Int
  /// Mean tokens of a request at its end: the prompt once, and what each sequence generates.
  package let meanTotalTokens: Double
  /// What a prefix cache would find; `nil` where the trace does not say what prompts consist of.
  package let prefixCache: PrefixCacheCurve?

  /// Seconds of the windows of ``dispersion``.
  package static let dispersionWindows = [1, 10, 60]
}

extension TraceDescription {
  /// Describes `trace`.
  ///
  /// - Parameters:
  ///   - blockTokens: Tokens in a block of the prefix cache that is looked at.
  ///   - progress: Told how many requests of how many were looked at for the prefix cache, which takes longest.
  /// - Precondition: The trace is not empty.
  /// - Complexity: O(n log n) for n requests, and for the prefix cache O(b log b) for b blocks.
  package init(
    _ trace: Trace, blockTokens: Int = 16,
    progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) {
    var statistics = TraceStatistics()
    for request in trace.requests { statistics.take(request, hasArrival: trace.hasArrivals) }
    let curve = trace.contents.map {
      PrefixCacheCurve(trace.requests, $0, blockTokens: blockTokens) {
        progress($0, trace.requests.count)
      }
    }
    self = statistics.description(prefixCache: curve)
  }
}

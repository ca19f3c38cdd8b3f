import SimulationKernel

/// How the lengths of one side of a trace are distributed, in tokens.
package struct LengthSummary: Equatable, Sendable, Encodable {
  package let mean: Double
  package let p50: Double
  package let p95: Double
  package let p99: Double
  package let max: Int

  /// Summarises `lengths`, which may be in any order.
  ///
  /// - Precondition: `lengths` is not empty.
  /// - Complexity: O(n log n).
  package init(_ lengths: [Int32]) {
    precondition(!lengths.isEmpty, "LengthSummary: no lengths")
    let sorted = lengths.sorted()
    mean = Double(sorted.reduce(0) { $0 + Int($1) }) / Double(sorted.count)
    p50 = quantile(0.5, ofSorted: sorted)
    p95 = quantile(0.95, ofSorted: sorted)
    p99 = quantile(0.99, ofSorted: sorted)
    max = Int(sorted[sorted.count - 1])
  }
}

/// What a trace is like: its load and its lengths. The coding keys name the fields in JSON and CSV.
package struct TraceDescription: Equatable, Sendable, Encodable {
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
  package let prompt: LengthSummary
  package let output: LengthSummary
  /// Spearman's rank correlation of prompt and output tokens, ties at their average rank; `nil`
  /// where one side does not vary.
  package let rankCorrelation: Double?
  /// Distinct sessions; requests without one do not count.
  package let sessionCount: Int
  /// Requests with more than one sample (`n` > 1).
  package let sampledRequestCount: Int
  /// Requests decoded by beam search.
  package let beamRequestCount: Int

  enum CodingKeys: String, CodingKey {
    case rows
    case spanSeconds = "span_s"
    case requestRate = "rate_rps"
    case interarrivalCV = "interarrival_cv"
    case prompt = "prompt_tokens"
    case output = "output_tokens"
    case rankCorrelation = "spearman"
    case sessionCount = "sessions"
    case sampledRequestCount = "sampled_requests"
    case beamRequestCount = "beam_requests"
  }

  /// Describes `trace`.
  ///
  /// - Precondition: The trace is not empty.
  /// - Complexity: O(n log n) for n requests.
  package init(_ trace: Trace) {
    let requests = trace.requests
    let prompts = requests.map(\.promptTokens)
    let outputs = requests.map(\.outputTokens)
    rows = requests.count
    prompt = LengthSummary(prompts)
    output = LengthSummary(outputs)
    rankCorrelation = spearmanCorrelation(prompts, outputs)
    sessionCount = Set(requests.compactMap(\.session)).count
    sampledRequestCount = requests.count { $0.samples > 1 }
    beamRequestCount = requests.count { $0.beamWidth > 0 }
    guard trace.hasArrivals else {
      (spanSeconds, requestRate, interarrivalCV) = (nil, nil, nil)
      return
    }
    let span = (requests[requests.count - 1].arrival - requests[0].arrival).seconds
    let gaps = zip(requests, requests.dropFirst()).map { ($1.arrival - $0.arrival).seconds }
    spanSeconds = span
    requestRate = span > 0 ? Double(requests.count) / span : nil
    interarrivalCV = span > 0 ? coefficientOfVariation(gaps) : nil
  }
}

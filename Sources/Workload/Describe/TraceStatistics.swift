/// What a trace is like, gathered request by request in memory that does not grow with the rows,
/// but for the sessions' numbers.
package struct TraceStatistics {
  private var prompts = TokenHistogram()
  private var outputs = TokenHistogram()
  private var pairs = RankPairs()
  private var arrivals = ArrivalStatistics()
  private var sessions: Set<Int32> = []
  private var sampledRequestCount = 0
  private var beamRequestCount = 0
  /// Tokens that requests hold at their ends, all together.
  private var totalTokens = 0

  package init() {}

  /// Takes the next request in order of arrival.
  package mutating func take(_ request: Request, hasArrival: Bool) {
    prompts.add(request.promptTokens)
    outputs.add(request.outputTokens)
    pairs.add(request.promptTokens, request.outputTokens)
    if hasArrival { arrivals.take(request.arrival) }
    if let session = request.session { sessions.insert(session) }
    totalTokens +=
      Int(request.promptTokens) + Int(request.outputTokens) * Int(request.sequenceCount)
    if request.samples > 1 { sampledRequestCount += 1 }
    if request.beamWidth > 0 { beamRequestCount += 1 }
  }

  /// The description of all requests taken.
  ///
  /// - Precondition: There was one.
  package func description(prefixCache: PrefixCacheCurve? = nil) -> TraceDescription {
    TraceDescription(
      rows: prompts.count, spanSeconds: arrivals.spanSeconds, requestRate: arrivals.requestRate,
      interarrivalCV: arrivals.interarrivalCV, zeroGapShare: arrivals.zeroGapShare,
      dispersion: arrivals.dispersion, prompt: LengthSummary(prompts),
      output: LengthSummary(outputs), promptBuckets: LengthBuckets(prompts),
      outputBuckets: LengthBuckets(outputs), rankCorrelation: pairs.correlation,
      isRankCorrelationBinned: pairs.isBinned, sessionCount: sessions.count,
      sampledRequestCount: sampledRequestCount, beamRequestCount: beamRequestCount,
      meanTotalTokens: Double(totalTokens) / Double(prompts.count), prefixCache: prefixCache)
  }
}

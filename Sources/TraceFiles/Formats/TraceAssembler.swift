import Messages
import SimulationKernel
import Workload

/// Puts records together into a trace: checks each against those before it, and orders them.
struct TraceAssembler {
  private let file: String
  private let format: TraceFormat
  private let options: TraceReadOptions
  private var requests: [Request] = []
  /// Where given, takes every request in place of ``requests``, so that no row is kept.
  private var statistics: TraceStatistics?
  /// Whether the rows carry arrivals; `nil` before the first row, which settles it.
  private var hasArrivals: Bool?
  private var lastArrival = Int64.min
  private var identities: PromptIdentities
  private var adapters: [UInt16] = []
  private var thinkTimes: [Int64] = []
  private var classNames: [String] = []
  private var adapterNames: [String] = []
  private(set) var facts = TraceFacts()
  /// Seconds beyond which a time is that of a clock: a trace of three years has fewer.
  private static let clockSeconds = 1e8

  init(
    file: String, format: TraceFormat, options: TraceReadOptions, statistics: TraceStatistics?
  ) {
    self.file = file
    self.format = format
    self.options = options
    self.statistics = statistics
    identities = PromptIdentities(
      blockTokens: options.hashBlockTokens ?? format.blockTokens,
      finds: options.hashBlockTokens == nil && format == .mooncake)
  }

  /// Takes one record, which stands on `line`.
  mutating func take(_ record: TraceRecord, line: Int) throws(UserError) {
    if record.outputTokens == 0 {
      facts.zeroOutputs += 1
      if !options.keepsZeroOutputs { return }
    }
    try checkArrival(record, line: line)
    if let mistake = identities.take(record, line: line) { throw .at(file, line, 1, mistake) }
    hasArrivals = record.arrival != nil
    lastArrival = record.arrival ?? .min
    var request = Request(
      arrival: SimInstant(nanoseconds: record.arrival ?? 0), promptTokens: record.promptTokens,
      outputTokens: record.outputTokens, samples: record.samples, beamWidth: record.beamWidth,
      session: record.session)
    request.priority = record.priority
    request.requestClass = record.requestClass
    if statistics != nil {
      statistics!.take(request, hasArrival: record.arrival != nil)
    } else {
      requests.append(request)
      takeNotes(record)
    }
  }

  /// Keeps adapter and think time, in lists that begin with the first row that has any.
  private mutating func takeNotes(_ record: TraceRecord) {
    let before = requests.count - 1
    if record.adapter > 0, adapters.isEmpty { adapters = Array(repeating: 0, count: before) }
    if record.adapter > 0 || !adapters.isEmpty { adapters.append(record.adapter) }
    let none = RequestNotes.noThinkTime
    if record.thinkTime != none, thinkTimes.isEmpty {
      thinkTimes = Array(repeating: none, count: before)
    }
    if record.thinkTime != none || !thinkTimes.isEmpty { thinkTimes.append(record.thinkTime) }
  }

  /// Counts a row that cannot be read.
  mutating func skip(_ error: UserError) {
    facts.skippedRows += 1
    facts.firstSkip = facts.firstSkip ?? error.message
  }

  /// Adds what a parser counted.
  mutating func note(
    emptyRows: Int = 0, orphans: Int = 0, delayedRequests: Int = 0, otherRows: Int = 0,
    otherRuns: Int = 0
  ) {
    facts.otherRows = otherRows
    facts.otherRuns = otherRuns
    facts.emptyRows = emptyRows
    facts.orphans = orphans
    facts.delayedRequests = delayedRequests
  }

  /// Adds the names that rows gave their classes and adapters.
  mutating func name(classes: [String], adapters: [String]) {
    classNames = classes
    adapterNames = adapters
  }

  private mutating func checkArrival(_ record: TraceRecord, line: Int) throws(UserError) {
    if let hasArrivals, hasArrivals != (record.arrival != nil) {
      throw .at(
        file, line, record.arrivalColumn,
        record.arrival != nil
          ? "`arrival_s` is given here but not on the rows before"
          : "`arrival_s` is empty here but not on the rows before",
        hint: "give every request an arrival, or none")
    }
    guard let arrival = record.arrival, arrival < lastArrival else { return }
    // Our own format promises order, and describing without keeping rows depends on it.
    if format == .csv || statistics != nil {
      throw .at(
        file, line, record.arrivalColumn,
        "arrivals go back: \(DecimalSeconds.text(SimInstant(nanoseconds: arrival))) s after "
          + "\(DecimalSeconds.text(SimInstant(nanoseconds: lastArrival))) s",
        hint: "sort the file by `arrival_s`")
    }
    facts.disorderedRows += 1
  }

  /// The trace of all records taken.
  ///
  /// - Parameter emptyHint: What to do about a file without requests.
  /// - Complexity: O(n) for n requests in order, else O(n log n).
  mutating func finish(
    warnings: [String], usesText: Bool, emptyHint: String?
  ) throws(UserError) -> (TraceReading, TraceStatistics?) {
    guard let hasArrivals else {
      let why =
        facts.zeroOutputs > 0
        ? ": all \(facts.zeroOutputs) generated nothing"
        : facts.skippedRows > 0
          ? ": all \(facts.skippedRows) rows are left out, the first for this: \(facts.firstSkip ?? "")"
          : ""
      throw UserError(
        "\(file): no requests\(format.columns.isEmpty ? "" : " after the header")\(why)",
        hint: emptyHint)
    }
    if let (line, mistake) = identities.settle() {
      throw .at(
        file, line, 1, mistake, hint: "`--hash-block-size` says how many tokens a hash stands for")
    }
    var order = Array(requests.indices)
    if hasArrivals { try settleArrivals(&order) }
    let sorted = order.map { requests[$0] }
    var trace = Trace(name: file, requests: sorted, hasArrivals: hasArrivals)
    trace.classNames = classNames
    var notes = RequestNotes()
    notes.adapterNames = adapterNames
    notes.adapters = adapters
    notes.thinkTimes = thinkTimes
    trace.notes = notes.selecting(order)
    trace.contents = identities.contents(of: sorted, order: order)
    facts.blockTokens = identities.isEmpty ? nil : identities.blockTokens
    facts.hasUnusualBlocks = identities.hasUnusualBlocks
    facts.repeatedTokens = identities.repeatedTokens
    facts.unheldTokens = identities.unheldTokens
    if usesText, case .estimate(let charactersPerToken) = options.textMeasure {
      facts.charactersPerToken = charactersPerToken
      trace.name += " (\(plain(charactersPerToken)) characters per token, estimated)"
    }
    let reading = TraceReading(
      trace: trace, format: format, facts: facts,
      warnings: warnings + facts.warnings(file: file))
    return (reading, statistics)
  }

  /// Lets clocks that do not begin at the trace's start begin there, spreads equal arrivals if
  /// asked to, and sorts.
  private mutating func settleArrivals(_ order: inout [Int]) throws(UserError) {
    let first = requests.map(\.arrival).min() ?? .zero
    // What people map may be a clock, or begin with the trace.
    let clock = format.shape.clock
    if clock == .own || clock == .either && first.seconds > Self.clockSeconds {
      for index in requests.indices {
        let elapsed = requests[index].arrival - first
        requests[index].arrival = .zero + elapsed
        guard elapsed.seconds <= Double(DecimalSeconds.secondsMax) else {
          throw UserError(
            "\(file): arrivals lie more than \(DecimalSeconds.secondsMax) s apart")
        }
      }
    }
    if let spread = options.spreadSeconds, statistics == nil {
      var draws = RandomStream(seed: options.seed, label: "spread")
      for index in requests.indices {
        let shift = SimDuration(rounding: draws.uniform() * spread)
        requests[index].arrival = requests[index].arrival + shift
      }
      facts.spreadSeconds = spread
    }
    if facts.disorderedRows > 0 || facts.spreadSeconds != nil {
      order.sort { (requests[$0].arrival, $0) < (requests[$1].arrival, $1) }
    }
  }
}

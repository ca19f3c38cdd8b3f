/// Finds in which runs of tokens the full blocks of a sequence end.
///
///     tokens   |── stream 5 ──|── stream 3 ────|        blocks of 8
///     blocks   |── b0 ──|── b1 ──|── b2 ──|             b0 ends in the first run, b1 and b2 in the second
public struct SpanBuilder {
  private let blockTokens: Int
  private let lookahead: Int
  /// The run that goes on, and the tokens up to its end.
  private var run: RunBuilder
  private var tokens = 0
  /// The first block that ends in it, if any does.
  private var first = 0
  public private(set) var spans: [BlockSpan] = []

  /// - Parameters:
  ///   - runs: About how many there will be.
  ///   - adapter: What the tokens are computed with beside the model, 0 for nothing.
  ///   - lookahead: Tokens behind a block that its key stands for: it ends in the run of the last of them.
  public init(blockTokens: Int, runs: Int, adapter: Int = 0, lookahead: Int = 0) {
    self.blockTokens = blockTokens
    self.lookahead = lookahead
    run = RunBuilder(adapter: adapter)
    spans.reserveCapacity(runs)
  }

  /// Adds consecutive tokens of a stream to the sequence.
  ///
  /// - Parameter enter: Gives a run a number, for its identity and the blocks that end in it.
  public mutating func add(
    stream: Int64, start: Int, count: Int, _ enter: (RunIdentity, Int) -> Int32
  ) {
    var next = run
    if next.add(stream: stream, start: start, count: count) { close(enter) }
    run = next
    tokens += count
  }

  /// Ends the last run.
  public mutating func close(_ enter: (RunIdentity, Int) -> Int32) {
    let ended = max(0, tokens - lookahead) / blockTokens
    guard ended > first else { return }
    let run = enter(run.identity, ended - first)
    spans.append(BlockSpan(run: run, first: Int32(first), count: Int32(ended - first)))
    first = ended
  }
}

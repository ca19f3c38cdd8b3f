import Statistics

/// What a cache of any number of blocks finds of the prompts of a trace, if it drops the least recently used: one pass.
///
/// Requests come one after the other, each when the one before it has ended. A block is found if it is cached and all
/// before it are; a request leaves its prompt behind, and what it generated where later prompts quote it.
///
/// With a sample only blocks are looked at whose hash lies below a bound: a cache of C blocks holds C × rate of them. The
/// sample is cut into ``sampleCount`` that know nothing of each other; their spread gives the error.
///
/// - Complexity: O(log r) a run of blocks that were always used together, with r runs; O(distinct blocks) memory. A sample
///   takes its share of both, but for reading the prompts.
/// - Source: stack distances as in ``StackDistances``; the sample is SHARDS-adj (Waldspurger et al., FAST 2015), which
///   counts what is missing to the expected number of uses as found at distance 0.
package struct ReuseCurve: Sendable {
  package static let sampleCount = 8

  package let blockTokens: Int
  /// Blocks of all prompts.
  package private(set) var blocks = 0
  /// Tokens of all prompts.
  package private(set) var tokens = 0
  /// Distinct blocks that were left behind; of a sample, what they were scaled up to.
  package private(set) var distinctBlocks = 0
  private let isSampled: Bool
  private var samples: [FoundByDistance]

  /// - Parameters:
  ///   - rate: Share of the blocks to look at; 1 for all.
  ///   - depths: Cache sizes, in blocks, whose finds `visit` is told.
  ///   - visit: Told, request by request, the tokens found by caches of ``depths`` blocks. Not of a sample.
  ///   - progress: Told how many requests are done, every few.
  /// - Precondition: `contents` describes `requests`; `blockTokens` is positive; `rate` lies in (0, 1].
  package init(
    _ requests: [Request], _ contents: PromptContents, blockTokens: Int, rate: Double = 1,
    depths: [Int] = [], visit: (_ request: Int, _ tokens: [Int]) -> Void = { _, _ in },
    progress: (_ done: Int) -> Void = { _ in }
  ) {
    precondition(rate > 0 && rate <= 1, "ReuseCurve: a sample of \(rate)")
    precondition(depths.isEmpty || rate == 1, "ReuseCurve: depths of requests in a sample")
    self.blockTokens = blockTokens
    isSampled = rate < 1
    let count = isSampled ? Self.sampleCount : 1
    samples = Array(repeating: FoundByDistance(rate: rate / Double(count)), count: count)
    let bound = isSampled ? UInt64(rate * 0x1p64) : 0
    let keepsOutput = contents.quotesOutputs
    var found = [Int](repeating: 0, count: depths.count)
    var path = PromptBlocks(blockTokens: blockTokens)
    for id in requests.indices {
      if id % 256 == 0 { progress(id) }
      path.read(contents, of: id, requests[id], keepsOutput: keepsOutput)
      let length = Int(requests[id].promptTokens)
      blocks += path.prompt.count
      tokens += length
      guard !isSampled else {
        sample(path, length: length, below: bound)
        continue
      }
      for index in found.indices { found[index] = 0 }
      let short = path.prompt.count * blockTokens - length
      samples[0].look(path.prompt, blockTokens: blockTokens, short: short) { distance, blocks in
        for (index, depth) in depths.enumerated() {
          found[index] += min(max(depth - distance, 0), blocks)
        }
      }
      if !depths.isEmpty { visit(id, found.map { min($0 * blockTokens, length) }) }
      samples[0].touch(path.left)
    }
    for index in samples.indices { samples[index].close() }
    let distinct = samples.reduce(0.0) { $0 + Double($1.distinctBlocks) }
    distinctBlocks = Int((distinct / rate).rounded())
  }

  private mutating func sample(_ path: PromptBlocks, length: Int, below bound: UInt64) {
    let prompt = path.prompt.filter { $0 < bound }
    let left = path.left.filter { $0 < bound }
    let isCut = path.partial.map { $0 < bound } ?? false
    let short = isCut ? path.prompt.count * blockTokens - length : 0
    guard !left.isEmpty else { return }
    for index in samples.indices {
      func own(_ hash: UInt64) -> Bool { Int(hash % UInt64(Self.sampleCount)) == index }
      let mine = prompt.filter(own)
      let isCutHere = isCut && mine.last == path.partial
      samples[index].look(mine, blockTokens: blockTokens, short: isCutHere ? short : 0) { _, _ in }
      samples[index].touch(left.filter(own))
    }
  }

  /// Share of the blocks of all prompts that a cache of so many blocks finds, with its error where it is an estimate.
  package func blockHitRatio(capacity: Int) -> MeanInterval {
    ratio(capacity, of: blocks) {
      $0.blocksFound(within: $1)
    } looked: {
      $0.blocksLooked
    }
  }

  /// Share of the tokens of all prompts that a cache of so many blocks finds.
  package func tokenHitRatio(capacity: Int) -> MeanInterval {
    ratio(capacity, of: tokens) {
      blockTokens * $0.blocksFound(within: $1) - $0.tokensShort(within: $1)
    } looked: {
      $0.tokensLooked
    }
  }

  private func ratio(
    _ capacity: Int, of whole: Int, _ found: (_ sample: FoundByDistance, _ blocks: Int) -> Int,
    looked: (FoundByDistance) -> Int
  ) -> MeanInterval {
    MeanInterval(
      samples.map { sample in
        let expected = Double(whole) * sample.rate
        guard expected > 0 else { return 0 }
        let blocks = min((Double(capacity) * sample.rate).rounded(.up), Double(sample.saturation))
        let missing = isSampled ? expected - Double(looked(sample)) : 0
        return (Double(found(sample, Int(blocks))) + missing) / expected
      })
  }

  /// The smallest cache, in blocks, that finds what one without bound does.
  package var saturation: Int {
    samples.map { Int((Double($0.saturation) / $0.rate).rounded(.up)) }.max() ?? 0
  }
}

/// Finds by stack distance, of all blocks or of a sample of them.
private struct FoundByDistance: Sendable {
  let rate: Double
  private var distances = StackDistances()
  /// Until ``close()`` how many more blocks are found at a distance than at the one before it; then how many a cache of
  /// that many blocks finds.
  private var blocksWithin = [0]
  /// The same of tokens that found blocks have fewer than a full one.
  private var shortWithin = [0]
  private(set) var blocksLooked = 0
  private(set) var tokensLooked = 0

  var distinctBlocks: Int { distances.count }
  /// The smallest cache that finds all.
  var saturation: Int { blocksWithin.count - 1 }

  init(rate: Double) { self.rate = rate }

  /// - Parameter short: Tokens that the last block of `path` has fewer than the others.
  @inline(__always)
  mutating func look(
    _ path: [UInt64], blockTokens: Int, short: Int, _ body: (_ distance: Int, _ blocks: Int) -> Void
  ) {
    blocksLooked += path.count
    tokensLooked += path.count * blockTokens - short
    var left = path.count
    distances.found(path) { distance, count in
      body(distance, count)
      left -= count
      Self.add(1, from: distance, to: distance + count, &blocksWithin)
      if left == 0, short > 0 {
        Self.add(short, from: distance + count - 1, to: distance + count, &shortWithin)
      }
    }
  }

  mutating func touch(_ path: [UInt64]) { distances.touch(path) }

  /// Adds to a list of differences, so that all of a range grow.
  @inline(__always)
  private static func add(_ more: Int, from: Int, to: Int, _ list: inout [Int]) {
    if list.count <= to {
      list += [Int](repeating: 0, count: max(to + 1, 2 * list.count) - list.count)
    }
    list[from] += more
    list[to] -= more
  }

  func blocksFound(within blocks: Int) -> Int { blocksWithin[min(blocks, saturation)] }

  func tokensShort(within blocks: Int) -> Int {
    shortWithin[min(blocks, shortWithin.count - 1)]
  }

  /// Sums up, from differences to what caches of 0, 1, 2 … blocks find.
  mutating func close() {
    Self.sum(&blocksWithin)
    Self.sum(&shortWithin)
  }

  private static func sum(_ list: inout [Int]) {
    var (here, within) = (0, 0)
    for index in list.indices {
      let more = list[index]
      list[index] = within
      here += more
      within += here
    }
    // A cache larger than every distance finds no more.
    while list.count > 1, list[list.count - 1] == list[list.count - 2] { list.removeLast() }
  }
}

import CostModel
import Foundation
import KVMemory
import Kernels
import SimulationKernel
import Statistics

/// Measures iterations of one model on this machine and fits their prices.
///
/// Shapes are drawn over the grid of batch, context, block size and token count; each is computed by
/// the very code that serves, three times, and the median taken. A fifth is held out of the fit.
package struct CPUCalibration {
  /// Iterations that make a profile.
  package static let samples = 720
  /// Tokens that each arena holds; no iteration attends to more.
  private static let arenaTokens = 12_288
  private static let longestContext = 1536.0
  private static let longestChunk = 1024.0
  /// Shared context that a second-level cache of 1 MiB holds in every toy model of grouped queries.
  private static let longestShared = 384.0
  private static let repeats = 3

  /// An iteration that was measured.
  package struct Sample: Sendable {
    package var blockSize: Int
    package var iteration: CPUIteration
    package var seconds: Double
  }

  private let serving: CPUServing
  private let stopwatch: Stopwatch
  private let arenas: [KVArena]
  private let host: KVArena
  private let sampler = TokenSampler(seed: 0, temperature: 1)
  private var workspace: Workspace
  private var random = RandomStream(seed: 1, label: "calibration")

  package init(_ serving: CPUServing, stopwatch: Stopwatch) {
    let model = serving.transformer.model
    func arena(_ blockSize: Int, tokens: Int) -> KVArena {
      KVArena(
        layers: model.layers.count, kvHeads: model.kvHeads, headDim: model.headDim,
        blockSize: blockSize, blocks: tokens / blockSize)
    }
    self.serving = serving
    self.stopwatch = stopwatch
    arenas = CPUFeatures.blockSizes.map { arena($0, tokens: Self.arenaTokens) }
    host = arena(16, tokens: 2048)
    workspace = Workspace(model)
  }

  /// Measures and fits.
  ///
  /// - Parameter count: Iterations to measure.
  package mutating func run(
    samples count: Int, progress: (_ done: Int, _ total: Int) -> Void
  ) -> (profile: CPUProfile, samples: [Sample]) {
    var samples: [Sample] = []
    for index in 0..<count {
      samples.append(index % 16 == 15 ? measureMoves() : measure())
      progress(index + 1, count)
    }
    return (fit(samples), samples)
  }

  private func fit(_ samples: [Sample]) -> CPUProfile {
    let features = samples.map {
      CPUFeatures(serving.transformer.model, blockSize: $0.blockSize).values($0.iteration)
    }
    let isHeldOut = samples.indices.map { $0 % 5 == 3 }
    let kept = samples.indices.filter { !isHeldOut[$0] }
    let prices = LeastSquares.relativeFit(
      rows: kept.map { features[$0] }, targets: kept.map { samples[$0].seconds })
    let errors = samples.indices.filter { isHeldOut[$0] }.map { index in
      let price = zip(features[index], prices).reduce(0) { $0 + $1.0 * $1.1 }
      return abs(price - samples[index].seconds) / samples[index].seconds
    }.sorted()
    return CPUProfile(
      model: serving.transformer.model.name, machine: .current, stopwatch: stopwatch,
      prices: zip(CPUFeatures.names, prices).map { .init(feature: $0, seconds: $1) },
      samples: samples.count, heldOut: errors.count,
      meanError: errors.reduce(0, +) / Double(max(1, errors.count)),
      p90Error: errors.isEmpty ? 0 : Quantile.rank(percent: 90, ofSorted: errors))
  }

  /// Draws a number between 1 and `most`, equally often in each power of two.
  private mutating func draw(_ most: Double, from least: Double = 1) -> Int {
    Int(least * pow(most / least, random.uniform()) + 0.5)
  }

  /// Draws an iteration and computes it: decodes, a prompt, or both. Half of the time, decode sequences come in
  /// groups that share the beginning of their context.
  ///
  /// Everything is drawn by itself: nothing goes with the block size or with what is held out.
  private mutating func measure() -> Sample {
    let arena = arenas[random.below(arenas.count)]
    var draft = Draft(arena, &random)
    let kind = random.below(3)
    if kind == 0 || random.below(4) == 0 {
      let chunk = IterationWork.PrefillChunk(
        tokens: draw(Self.longestChunk, from: 4),
        contextTokens: random.below(3) == 0 ? draw(Self.longestContext, from: 16) : 0)
      draft.addPrefill(chunk, wantsLogits: random.below(4) != 0)
    }
    if kind != 0 {
      let group = random.below(2) == 0 ? 1 : draw(16, from: 2)
      var shared = draft.beginning(tokens: 0)
      for number in 0..<draw(64) {
        if group > 1 && number % group == 0 {
          shared = draft.beginning(tokens: draw(Self.longestShared, from: 16))
        }
        let own = draw(group > 1 ? Self.longestContext / 4 : Self.longestContext, from: 8)
        guard draft.addDecode(after: shared, ownTokens: own) else { break }
      }
    }
    var counter = SharedTokenCounter(blockSize: arena.blockSize)
    let iteration = CPUIteration(
      draft.work, sharedContextTokens: counter.sharedTokens(draft.decodes))
    return Sample(
      blockSize: arena.blockSize, iteration: iteration,
      seconds: seconds(of: draft.runs, arena: arena))
  }

  private mutating func seconds(of runs: [TokenRun], arena: KVArena) -> Double {
    let vocab = serving.transformer.model.vocab
    let rows = runs.reduce(0) { $0 + $1.logits }
    var times: [Double] = []
    for _ in 0..<Self.repeats {
      times.append(
        stopwatch.seconds {
          let logits = serving.transformer.compute(runs, arena: arena, workspace: &workspace)
          for row in 0..<rows {
            _ = sampler.token(
              logits + row * vocab, vocab: vocab, at: .init(request: row, stream: 0, position: 1))
          }
        })
    }
    return Quantile.rank(percent: 50, ofSorted: times.sorted())
  }

  /// Moves blocks between two arenas.
  private mutating func measureMoves() -> Sample {
    let arena = arenas[2]
    var work = IterationWork()
    work.swappedOutBlocks = draw(Double(host.blocks))
    let sources = (0..<BlockID(arena.blocks)).shuffled(using: &random)
    let moves = (0..<work.swappedOutBlocks).map {
      BlockCopy(source: sources[$0], destination: BlockID($0))
    }
    let times = (0..<Self.repeats).map { _ in
      stopwatch.seconds { host.copy(moves, from: arena) }
    }
    return Sample(
      blockSize: arena.blockSize, iteration: CPUIteration(work),
      seconds: Quantile.rank(percent: 50, ofSorted: times.sorted()))
  }
}

/// An iteration in the making, over the blocks of one arena.
private struct Draft {
  private(set) var work = IterationWork()
  private(set) var runs: [TokenRun] = []
  /// The decode sequences: their blocks and how many tokens they attend to.
  private(set) var decodes: [(table: [BlockID], context: Int)] = []
  private let blockSize: Int
  private var pool: [BlockID]

  init(_ arena: KVArena, _ random: inout RandomStream) {
    blockSize = arena.blockSize
    pool = (0..<BlockID(arena.blocks)).shuffled(using: &random)
  }

  /// Blocks for `tokens` tokens; `nil` if there are not so many left.
  private mutating func take(tokens: Int) -> [BlockID]? {
    let blocks = (tokens + blockSize - 1) / blockSize
    guard blocks <= pool.count else { return nil }
    defer { pool.removeLast(blocks) }
    return Array(pool.suffix(blocks))
  }

  private mutating func run(tokens: Int, context: Int, table: [BlockID], wantsLogits: Bool) {
    runs.append(
      TokenRun(
        tokens: Array(repeating: 1, count: tokens)[...], firstPosition: context, table: table,
        logits: wantsLogits ? 1 : 0))
    if wantsLogits { work.sampledSequences += 1 }
  }

  /// Full blocks for about `tokens` tokens that sequences are to share; none if there is no room.
  mutating func beginning(tokens: Int) -> [BlockID] {
    take(tokens: tokens / blockSize * blockSize) ?? []
  }

  mutating func addPrefill(_ chunk: IterationWork.PrefillChunk, wantsLogits: Bool) {
    guard let table = take(tokens: chunk.tokens + chunk.contextTokens) else { return }
    run(
      tokens: chunk.tokens, context: chunk.contextTokens, table: table, wantsLogits: wantsLogits)
    work.prefillChunks.append(chunk)
  }

  /// A decode sequence of shared blocks and others of its own; `false` if there is no room.
  mutating func addDecode(after shared: [BlockID], ownTokens: Int) -> Bool {
    guard let own = take(tokens: ownTokens + 1) else { return false }
    let context = shared.count * blockSize + ownTokens
    run(tokens: 1, context: context, table: shared + own, wantsLogits: true)
    decodes.append((shared + own, context + 1))
    work.decodeSequences += 1
    work.decodeContextTokens += context + 1
    return true
  }
}

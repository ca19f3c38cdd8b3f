import CostModel
import Fleet
import Foundation
import KVMemory
import Kernels
import Serving
import SimulationKernel
import Testing
import Workload

/// The proof of the allocators: whatever a system does with its blocks, the tokens that come out are
/// those of the same model alone in contiguous memory.
@Suite struct ServedTokensTests {
  static let transformer = Transformer(ModelCatalogue.toys[0], seed: 1)
  static let sampler = TokenSampler(seed: 7, temperature: 1)
  static let blockSizes = [1, 8, 16, 32, 128]

  /// What a run gave: its record, and every token that differs.
  struct Served {
    var record: RunRecord
    var executor: ReferenceExecutor
    var differences: [TokenDifference] = []
  }

  /// Serves requests for real and generates every output again, alone.
  static func serve(
    _ system: ServingSystem, _ requests: [Request], _ settings: EngineSettings,
    contents: PromptContents? = nil, transformer: Transformer = Self.transformer,
    sabotage: (ReferenceExecutor) -> any IterationExecutor = { $0 }
  ) throws -> Served {
    let executor = ReferenceExecutor(
      transformer, requests: requests, settings: settings,
      deviceBlocks: system.placedBlocks(settings), sampler: sampler, contents: contents)
    let record = try system.serve(
      requests, settings: settings, executor: sabotage(executor), contents: contents)
    var served = Served(record: record, executor: executor)
    for id in requests.indices where !record.milestones[id].isRejected {
      let outputs = executor.outputs(of: RequestID(id))
      #expect(outputs.count == Int(requests[id].sequenceCount), "\(system), request \(id)")
      served.differences += outputs.compactMap { difference($0, transformer) }
    }
    return served
  }

  /// What sequences generate alone, kept for the next system that serves the same request. A lock that
  /// ThreadSanitizer knows, which `Mutex` is not.
  private final class Known: @unchecked Sendable {
    private let lock = NSLock()
    private var outputs: [[Int32]: [Int32]] = [:]

    subscript(key: [Int32]) -> [Int32]? {
      get { lock.withLock { outputs[key] } }
      set { lock.withLock { outputs[key] = newValue } }
    }
  }

  private static let known = Known()

  private static func difference(
    _ served: GeneratedSequence, _ transformer: Transformer
  ) -> TokenDifference? {
    let key =
      [Int32(transformer.model.ffn), Int32(transformer.model.kvHeads), served.request]
      + served.prompt + [-1] + served.streams
    let kept = known[key]
    if kept == served.output { return nil }
    var alone = OneAtATime(transformer, sampler: sampler)
    let output = alone.output(like: served)
    known[key] = output
    return alone.firstDifference(served)
  }

  /// Requests that arrive almost together, short against the model, long against the pool.
  static func requests(count: Int, seed: UInt64, samples: [Int32], beams: [Int32] = [0])
    -> [Request]
  {
    var random = RandomStream(seed: seed, label: "requests")
    return (0..<count).map { id in
      let beam = beams[id % beams.count]
      return Request(
        arrival: SimInstant(nanoseconds: Int64(id) * 1000),
        promptTokens: Int32(5 + random.below(24)), outputTokens: Int32(1 + random.below(12)),
        samples: beam > 0 ? 1 : samples[id % samples.count], beamWidth: beam)
    }
  }

  /// A pool of `tokens` token slots, and as much swap space.
  static func settings(blockSize: Int, tokens: Int) -> EngineSettings {
    let blocks = (tokens + blockSize - 1) / blockSize
    return EngineSettings(
      blockSize: blockSize, deviceBlocks: blocks, hostBlocks: 4 * blocks, maxSequences: 16,
      maxBatchedTokens: 128, maxModelLength: 64)
  }

  /// Slots of `sglang` have no numbers.
  @Test(arguments: ServingSystem.all.filter { $0 != .sglang05 }, blockSizes)
  func everySystem(system: ServingSystem, blockSize: Int) throws {
    let requests = Self.requests(count: 8, seed: 1, samples: [1])
    let served = try Self.serve(
      system, requests, Self.settings(blockSize: blockSize, tokens: 1024))
    #expect(served.differences == [])
    #expect(served.record.milestones.allSatisfy { $0.finish != nil })
  }

  @Test(arguments: [ServingSystem.vllmSOSP23, .vllm02, .vllmV1], blockSizes)
  func preemptedByRecompute(system: ServingSystem, blockSize: Int) throws {
    let requests = Self.requests(count: 8, seed: 2, samples: [1])
    let served = try Self.serve(
      system, requests, Self.settings(blockSize: blockSize, tokens: max(64, 3 * blockSize)))
    #expect(served.differences == [])
    if blockSize <= 16 { #expect(served.record.preemptionsRecompute > 0) }
  }

  @Test(arguments: [ServingSystem.vllmSOSP23, .vllm02], blockSizes)
  func preemptedBySwap(system: ServingSystem, blockSize: Int) throws {
    var settings = Self.settings(
      blockSize: blockSize, tokens: blockSize == 1 ? 48 : max(64, 2 * blockSize))
    settings.preemptionMode = .swap
    let requests = Self.requests(count: 8, seed: 3, samples: [1])
    let served = try Self.serve(system, requests, settings)
    #expect(served.differences == [])
    if blockSize <= 16 { #expect(served.record.preemptionsSwap > 0) }
  }

  /// Systems that serve several sequences of one request.
  static let samplingSystems = ServingSystem.all.filter { $0.capabilities.sequences != .one }

  /// Samples share their prompt's blocks and copy the last one when they write to it.
  @Test(arguments: samplingSystems, blockSizes)
  func samples(system: ServingSystem, blockSize: Int) throws {
    let served = try Self.serve(
      system, Self.requests(count: 6, seed: 4, samples: [4, 1, 2]),
      Self.settings(blockSize: blockSize, tokens: blockSize == 128 ? 2048 : 1024))
    #expect(served.differences == [])
  }

  @Test(
    arguments: ServingSystem.all.filter { $0.capabilities.sequences == .beams }, blockSizes)
  func beams(system: ServingSystem, blockSize: Int) throws {
    var settings = Self.settings(blockSize: blockSize, tokens: blockSize == 128 ? 2048 : 1024)
    settings.beams = .synthetic(seed: 3, redrawsPerMille: 600)
    let served = try Self.serve(
      system, Self.requests(count: 6, seed: 5, samples: [1, 2], beams: [4, 0, 3]), settings)
    #expect(served.differences == [])
  }

  /// Beams that end in the iteration in which they fork leave no copies behind for those who get
  /// their memory.
  @Test(arguments: [ServingSystem.vllmSOSP23, .vllm02, .orcaOracle, .orcaMax, .orcaPow2])
  func beamsOneAfterTheOther(system: ServingSystem) throws {
    var settings = Self.settings(blockSize: 8, tokens: 512)
    settings.maxSequences = 4
    settings.beams = .synthetic(seed: 3, redrawsPerMille: 1000)
    let served = try Self.serve(
      system, Self.requests(count: 5, seed: 12, samples: [1], beams: [4]), settings)
    #expect(served.differences == [])
  }

  /// Beams and samples that are swapped while they share blocks.
  @Test(arguments: [ServingSystem.vllmSOSP23, .vllm02], [1, 8, 16])
  func sharersPreempted(system: ServingSystem, blockSize: Int) throws {
    let requests = Self.requests(count: 8, seed: 6, samples: [3, 1], beams: [3, 0])
    let served = try Self.serve(
      system, requests, Self.settings(blockSize: blockSize, tokens: blockSize == 1 ? 100 : 160))
    #expect(served.differences == [])
    #expect(served.record.preemptionsSwap > 0)
  }

  /// Prompts with a common beginning, cut into chunks, in a pool that evicts; the last ones quote an
  /// answer that is in the cache.
  @Test(arguments: blockSizes, [160, 1024])
  func prefixCache(blockSize: Int, tokens: Int) throws {
    var contents = PromptContents()
    var requests: [Request] = []
    func add(_ pieces: [TokenPiece], at microseconds: Int64) {
      contents.append(pieces)
      requests.append(
        Request(
          arrival: SimInstant(nanoseconds: microseconds * 1000),
          promptTokens: pieces.reduce(0) { $0 + $1.count }, outputTokens: 12))
    }
    let shared = TokenPiece(stream: 1, start: 0, count: 24)
    for id in 0..<8 {
      let own = TokenPiece(stream: PromptContents.ownStream(of: id), start: 0, count: 9)
      add([shared, own], at: Int64(id))
    }
    for id in 0..<3 {
      let own = TokenPiece(stream: PromptContents.ownStream(of: id), start: 0, count: 9)
      let answer = TokenPiece(stream: PromptContents.outputStream(of: id), start: 0, count: 12)
      add([shared, own, answer], at: 10_000_000_000)
    }
    let blocks = max(blockSize == 128 ? 3 : 2, tokens / blockSize)
    var settings = EngineSettings(
      blockSize: blockSize, deviceBlocks: blocks, maxSequences: 16, maxBatchedTokens: 16,
      maxModelLength: 64)
    settings.v1.reserveFullISL = false
    let served = try Self.serve(.vllmV1, requests, settings, contents: contents)
    #expect(served.differences == [])
    if blockSize <= 16 { #expect((served.record.prefixCache?.hitTokens ?? 0) > 0) }
  }

  /// OPT's structure, through swaps, recomputed sequences and copies.
  @Test(arguments: [ServingSystem.vllmSOSP23, .vllmV1], blockSizes)
  func learnedPositions(system: ServingSystem, blockSize: Int) throws {
    let model = try ToyModels.find("toy-opt-1m")
    let served = try Self.serve(
      system, Self.requests(count: 6, seed: 13, samples: [2, 1]),
      Self.settings(blockSize: blockSize, tokens: max(96, 5 * blockSize)),
      transformer: Transformer(model, seed: 1))
    #expect(served.differences == [])
    if blockSize == 8 && system == .vllmSOSP23 {
      #expect(served.record.preemptionsRecompute + served.record.preemptionsSwap > 0)
    }
  }

  /// The same request gives the same tokens in every system.
  @Test func systemsAgree() throws {
    let requests = Self.requests(count: 6, seed: 8, samples: [1, 3])
    let settings = Self.settings(blockSize: 16, tokens: 2048)
    let outputs = try Self.samplingSystems.map { system in
      let executor = try Self.serve(system, requests, settings).executor
      return requests.indices.map { executor.outputs(of: RequestID($0)) }
    }
    for other in outputs.dropFirst() { #expect(other == outputs[0]) }
  }

  @Test func greedyTokensAreThoseOfTheGreatestLogits() throws {
    let requests = Self.requests(count: 3, seed: 9, samples: [1])
    let settings = Self.settings(blockSize: 8, tokens: 512)
    let greedy = TokenSampler(seed: 7, temperature: 0)
    let executor = ReferenceExecutor(
      Self.transformer, requests: requests, settings: settings, deviceBlocks: settings.deviceBlocks,
      sampler: greedy)
    _ = try ServingSystem.vllmSOSP23.serve(requests, settings: settings, executor: executor)
    var alone = OneAtATime(Self.transformer, sampler: greedy)
    for id in requests.indices {
      for output in executor.outputs(of: RequestID(id)) {
        #expect(alone.firstDifference(output) == nil)
      }
    }
  }

  // MARK: The proof proves something

  /// Runs every plan without some of its moves.
  fileprivate struct Forgetful: IterationExecutor {
    enum Moves: Sendable { case copies, swapIns, swapOuts }
    let inner: ReferenceExecutor
    let moves: Moves

    func execute(
      _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
    ) -> SimDuration {
      var plan = plan
      switch moves {
      case .copies: plan.copies.removeAll()
      case .swapIns: plan.swapIns.removeAll()
      case .swapOuts: plan.swapOuts.removeAll()
      }
      return inner.execute(plan, at: start, placement: placement)
    }

    func completed(_ plan: IterationPlan, placement: some SequencePlacement) {
      inner.completed(plan, placement: placement)
    }
  }

  @Test func aForgottenCopyIsNoticed() throws {
    let requests = Self.requests(count: 6, seed: 4, samples: [4, 2])
    let served = try Self.serve(
      .vllmSOSP23, requests, Self.settings(blockSize: 16, tokens: 1024),
      sabotage: { Forgetful(inner: $0, moves: .copies) })
    #expect(served.differences.count > 0)
  }

  @Test(arguments: [Forgetful.Moves.swapIns, .swapOuts])
  fileprivate func aForgottenSwapIsNoticed(moves: Forgetful.Moves) throws {
    var settings = Self.settings(blockSize: 8, tokens: 96)
    settings.preemptionMode = .swap
    let served = try Self.serve(
      .vllm02, Self.requests(count: 8, seed: 3, samples: [1]), settings,
      sabotage: { Forgetful(inner: $0, moves: moves) })
    #expect(served.differences.count > 0)
  }

  @Test func aDifferenceIsSaidInWords() {
    var output = GeneratedSequence(
      request: 3, stream: 1, prompt: [5, 6, 7], output: [], streams: [1, 1])
    var alone = OneAtATime(Self.transformer, sampler: Self.sampler)
    output.output = alone.output(like: output)
    #expect(alone.firstDifference(output) == nil)
    let right = output.output[1]
    output.output[1] = right ^ 1
    #expect(
      alone.firstDifference(output)?.description
        == "request 3, sequence 1, output token 1: served \(right ^ 1), alone \(right)")
  }
}

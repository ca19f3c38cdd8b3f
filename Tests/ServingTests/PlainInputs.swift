import SimulationKernel
import Workload

@testable import KVMemory
@testable import Serving

/// Schedulers as tests make them: of a list of requests, at no time in particular.
extension MixedIterationScheduler {
  init(requests: [Request], settings: EngineSettings, memory: Memory) {
    self.init(requests: RunRequests(requests), settings: settings, memory: memory)
  }
}

extension PromptOrDecodeScheduler {
  init(
    requests: [Request], settings: EngineSettings, watermarkBlocks: Int? = nil,
    sampleTargets: [RequestID: [Int32]] = [:]
  ) {
    self.init(
      requests: RunRequests(requests), settings: settings, watermarkBlocks: watermarkBlocks,
      sampleTargets: sampleTargets)
  }
}

/// A memory as `vllm-v1` makes it.
protocol V1Memory: TokenBudgetMemory {
  init(v1 settings: EngineSettings)
  var brokenInvariant: String? { get }
  /// The table of each group of each sequence that has one.
  var allTables: [[BlockID]] { get }
}

extension PrefixCachingMemory: V1Memory {
  init(v1 settings: EngineSettings) { self.init(settings) }
  var brokenInvariant: String? { brokenInvariant(cruising: [:]) }
  var allTables: [[BlockID]] { tables.sequences.map { [Int32($0)] + tables.blocks(of: $0) } }
}

extension HybridMemory: V1Memory {
  init(v1 settings: EngineSettings) { self.init(settings, groups: settings.v1.groups) }
  var allTables: [[BlockID]] { tables.sequences.map { [Int32($0)] + tables.blocks(of: $0) } }
}

extension TokenBudgetScheduler where Memory: V1Memory {
  init(
    requests: [Request], settings: EngineSettings, contents: PromptContents? = nil,
    traits: RequestTraits = RequestTraits(), connector: (any KVConnector)? = nil,
    service: PromptService? = nil
  ) {
    self.init(
      memory: Memory(v1: settings), requests: RunRequests(requests), settings: settings,
      contents: contents, traits: traits, connector: connector, service: service)
  }
}

extension StaticBatchScheduler {
  init(requests: [Request], settings: EngineSettings) {
    self.init(requests: RunRequests(requests), settings: settings)
  }
}

extension Scheduler {
  mutating func schedule(into plan: inout IterationPlan) { schedule(at: .zero, into: &plan) }
}

/// One in three prompts begins like others, and some quote the output of another request.
func drawnPrompt(of id: Int, _ chance: inout RandomStream) -> [TokenPiece] {
  var pieces: [TokenPiece] = []
  if chance.below(3) == 0 {
    pieces.append(
      TokenPiece(stream: Int64(chance.below(2)), start: 0, count: Int32(1 + chance.below(24))))
  }
  if id > 0, chance.below(3) == 0 {
    let quoted = PromptContents.outputStream(of: chance.below(id))
    pieces.append(TokenPiece(stream: quoted, start: 0, count: Int32(1 + chance.below(8))))
  }
  if pieces.isEmpty || chance.below(2) == 0 {
    let own = PromptContents.ownStream(of: id)
    pieces.append(TokenPiece(stream: own, start: 0, count: Int32(1 + chance.below(24))))
  }
  return pieces
}

/// Requests drawn for comparing two steppings: shared beginnings, some at one instant, outputs short and long.
struct DrawnLoad {
  var requests: [Request] = []
  var contents = PromptContents()
  /// The most tokens of a request, prompt and output.
  var longest = 0

  /// - Parameters:
  ///   - most: One more than the requests beyond twelve.
  ///   - short: Most tokens of a short output.
  init(upTo most: Int, short: Int, _ chance: inout RandomStream) {
    var clock: Int64 = 0
    for id in 0..<12 + chance.below(most) {
      clock += chance.below(3) == 0 ? Int64(chance.below(20_000)) : 0
      contents.append(drawnPrompt(of: id, &chance))
      let request = Request(
        arrival: SimInstant(nanoseconds: clock),
        promptTokens: Int32(contents.promptTokens(of: id)),
        outputTokens: Int32(1 + chance.below(chance.below(4) == 0 ? short : 40)))
      longest = max(longest, Int(request.promptTokens + request.outputTokens))
      requests.append(request)
    }
  }
}

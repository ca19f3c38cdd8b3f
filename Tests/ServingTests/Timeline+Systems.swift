import KVMemory
import SimulationKernel
import Workload

@testable import Serving

extension Timeline where S == PromptOrDecodeScheduler {
  /// The scheduler of vLLM 0.2.
  init(
    vllm02 requests: [Request], _ settings: EngineSettings, watermark: Int = 0,
    sampleTargets: [RequestID: [Int32]] = [:]
  ) {
    self.init(
      PromptOrDecodeScheduler(
        requests: requests, settings: settings, watermarkBlocks: watermark,
        sampleTargets: sampleTargets),
      requests: requests)
  }

  /// Sequences whose tables name host blocks.
  var swappedSequences: Set<Int> { Set(scheduler.swapped.flatMap { scheduler.live[$0] }) }

  /// The block tables of a request, in the engine's order.
  func tables(of id: RequestID) -> [[BlockID]] {
    scheduler.live[id].map { Array(scheduler.memory.tables.blocks(of: $0)) }
  }
}

extension Timeline {
  /// The scheduler of vLLM's V1 engine, and prompts that may begin alike.
  init<Memory: V1Memory>(
    v1 drawn: [DrawnRequest], _ settings: EngineSettings, _ connector: (any KVConnector)? = nil,
    service: PromptService? = nil
  ) where S == TokenBudgetScheduler<Memory> {
    let (requests, contents) = (drawn.requests, drawn.contents)
    var traits = RequestTraits()
    traits.order = ServiceOrder(
      drawn.enumerated().map {
        ServiceOrder.Key(
          priority: Int32($1.priority), arrival: Double($1.arrival ?? $0), name: $1.name)
      })
    traits.adapters = drawn.map { Int32($0.adapter) }
    traits.drafts.accepted = drawn.map { $0.accepted.map { Int32($0) } }
    traits.drafts.proposed = drawn.map { $0.proposed.map { Int32($0) } }
    let scheduler = TokenBudgetScheduler<Memory>(
      requests: requests, settings: settings, contents: contents, traits: traits,
      connector: connector, service: service)
    self.init(scheduler, requests: requests, names: drawn.map(\.name))
  }
}

/// A request whose prompt is known token by token; times are iterations.
struct DrawnRequest {
  var name: String
  var at = 0
  /// [stream, start, count] for each run of the prompt.
  var prompt: [[Int]]
  var output: Int
  var samples = 1
  var priority = 0
  /// What equal priorities are served by; its place among the requests unless it is told.
  var arrival: Int?
  /// 0 for none.
  var adapter = 0
  var requestClass: UInt16 = 0
  /// Of its drafts, in turn; see ``DraftOutcomes``.
  var accepted: [Int] = []
  var proposed: [Int] = []

  /// A prompt with no token in common with others'.
  static func own(
    _ name: String, at step: Int = 0, prompt: Int, output: Int, priority: Int = 0
  ) -> DrawnRequest {
    let stream = name.unicodeScalars.reduce(0) { $0 * 128 + Int($1.value) }
    return DrawnRequest(
      name: name, at: step, prompt: [[stream, 0, prompt]], output: output, priority: priority)
  }
}

/// What V1 does with some requests, as a log; the free blocks are in the order of their queue.
///
/// - Parameter drawn: In order of arrival.
func v1Log(
  _ drawn: [DrawnRequest], _ settings: EngineSettings, steps: Int = 20, showingFree: Bool = false
) -> String {
  func log<Memory: V1Memory>(_: Memory.Type) -> String {
    var timeline = Timeline<TokenBudgetScheduler<Memory>>(v1: drawn, settings)
    if showingFree { timeline.free = { $0.memory.pool.freeQueue } }
    timeline.run(steps: steps)
    return timeline.log
  }
  return settings.v1.groups.isEmpty ? log(PrefixCachingMemory.self) : log(HybridMemory.self)
}

/// The timeline of a model all of whose layers keep every token.
typealias V1Timeline = Timeline<TokenBudgetScheduler<PrefixCachingMemory>>

/// Two to four groups of layers, of which one keeps every token.
///
/// - Parameter states: Whether recurrent layers may be among them, and blocks of twice the size: hits are then fewer than
///   what is alike.
func drawnGroups(
  blockSize: Int, _ settings: EngineSettings, states: Bool, _ random: inout RandomStream
) -> [BlockGroup] {
  // Chunks alone would find what nobody has computed: a boundary of chunks needs no block.
  let whole = BlockGroup(keeps: .all, blockTokens: blockSize)
  return [whole]
    + (0..<1 + random.below(3)).map { _ in
      let isLong = states && random.below(4) == 0
      let kinds: [KVGroupKind] = [
        .all, .window(tokens: 2 + random.below(12)), .window(tokens: 2 + random.below(60)),
        .chunk(tokens: 1 + random.below(20)),
      ]
      guard states, random.below(4) == 0 else {
        return BlockGroup(
          keeps: kinds[random.below(kinds.count)], blockTokens: blockSize * (isLong ? 2 : 1))
      }
      guard settings.v1.prefixCaching else {
        return BlockGroup(keeps: .state, blockTokens: settings.maxModelLength)
      }
      return BlockGroup(
        keeps: random.below(2) == 0
          ? .state(blocks: 2) : .state(blocks: 3, checkpointAlignment: 1), blockTokens: blockSize)
    }
}

extension MixedIterationScheduler where Memory == PagedMemory {
  init(paged requests: [Request], _ settings: EngineSettings) {
    self.init(
      requests: requests, settings: settings, memory: PagedMemory(sosp23: settings))
  }
}

extension [DrawnRequest] {
  /// What the prompts consist of.
  var contents: PromptContents {
    var contents = PromptContents()
    for request in self {
      contents.append(
        request.prompt.map {
          TokenPiece(stream: Int64($0[0]), start: Int32($0[1]), count: Int32($0[2]))
        })
    }
    return contents
  }

  var requests: [Request] {
    let contents = contents
    return indices.map { index in
      var request = Request(
        arrival: SimInstant(nanoseconds: Int64(self[index].at)),
        promptTokens: Int32(contents.promptTokens(of: index)),
        outputTokens: Int32(self[index].output), samples: Int32(self[index].samples))
      request.requestClass = self[index].requestClass
      request.priority = Int8(self[index].priority)
      return request
    }
  }
}

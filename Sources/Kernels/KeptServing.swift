import CostModel
import KVMemory
import Serving
import Workload

/// Serves requests for real from the pages of Jenga's pool, of which each group of layers gives back what it skips.
///
/// First come first served: those that run get their next token or the next part of their prompt, then one starts if its
/// whole prompt has room; the one that started last makes way and is computed again. The rules are those of `MemoryReplay`
/// (Planning), which counts; here the tokens are read from the pages.
package struct KeptServing {
  /// What came of it.
  package struct Outcome: Sendable {
    package var outputs: [GeneratedSequence] = []
    package var iterations = 0
    package var preemptions = 0
    /// Requests that no empty pool holds to their end.
    package var rejected = 0
    /// Most bytes of pages in use.
    package var usedBytesMax = 0
  }

  fileprivate struct Running {
    var request: Int
    var tokens: [Int32]
    var promptTokens: Int
    var computed = 0
    /// What is computed again counts as its prompt.
    var lengths: SequenceLengths
  }

  private let transformer: Transformer
  private let sampler: TokenSampler
  private let requests: [Request]
  private let batchedTokens: Int
  private let arena: KeptArena
  private let prompts: PromptTokens
  private var workspace: Workspace
  private var memory: PagedGroups<JengaPool>
  private var waiting: [Running]
  private var running: [Running] = []
  private var outcome = Outcome()

  /// - Parameters:
  ///   - kinds: What each layer keeps.
  ///   - bytes: Of the pool.
  package init(
    _ transformer: Transformer, kinds: [KVGroupKind], blockTokens: Int, bytes: Int,
    batchedTokens: Int, requests: [Request], sampler: TokenSampler
  ) {
    self.transformer = transformer
    self.sampler = sampler
    self.requests = requests
    self.batchedTokens = batchedTokens
    let longest = requests.map { Int($0.promptTokens + $0.outputTokens) }.max() ?? 1
    let arena = KeptArena(
      transformer.model, kinds: kinds, blockTokens: blockTokens, bytes: bytes, longest: longest)
    self.arena = arena
    let groups = arena.groups.indices.map { index in
      let group = arena.groups[index]
      return PagedGroup(
        parts: [
          KeptLayers(keeps: group.keeps, layers: group.layers.count, bytes: arena.tokenBytes(index))
        ], keeps: group.keeps, blockTokens: blockTokens)
    }
    memory = PagedGroups(
      groups, store: JengaPool(bytes: bytes, smallBytes: groups.map(\.contentBytes)),
      inFlight: batchedTokens)
    let prompts = PromptTokens(vocab: transformer.model.vocab, seed: sampler.seed, contents: nil)
    self.prompts = prompts
    workspace = Workspace(transformer.model)
    waiting = requests.indices.map { index in
      let request = requests[index]
      return Running(
        request: index,
        tokens: prompts.tokens(of: RequestID(index), request) { _, _, _ in nil },
        promptTokens: Int(request.promptTokens),
        lengths: SequenceLengths(
          prompt: Int(request.promptTokens), output: Int(request.outputTokens)))
    }
  }

  package mutating func run() -> Outcome {
    while !waiting.isEmpty || !running.isEmpty {
      var budget = batchedTokens
      var ends = growAll(&budget)
      startSome(&budget, &ends)
      guard !running.isEmpty else { continue }
      compute(ends)
    }
    outcome.outputs.sort { $0.request < $1.request }
    return outcome
  }

  /// - Returns: Up to where each that runs is computed in this iteration.
  private mutating func growAll(_ budget: inout Int) -> [Int] {
    var ends: [Int] = []
    while ends.count < running.count {
      let sequence = running[ends.count]
      let end = min(sequence.tokens.count, sequence.computed + budget)
      if memory.grow(sequence.request, computed: sequence.computed, to: end) {
        budget -= end - sequence.computed
        ends.append(end)
      } else {
        makeWay()
      }
    }
    return ends
  }

  private mutating func makeWay() {
    var last = running.removeLast()
    memory.end(last.request)
    guard !running.isEmpty else {
      outcome.rejected += 1
      return
    }
    let generated = last.tokens.count - last.lengths.prompt
    last.lengths.prompt += generated
    last.lengths.output -= generated
    last.computed = 0
    waiting.insert(last, at: 0)
    outcome.preemptions += 1
  }

  private mutating func startSome(_ budget: inout Int, _ ends: inout [Int]) {
    while budget > 0, let head = waiting.first {
      guard memory.canHold(head.lengths) else {
        outcome.rejected += 1
        waiting.removeFirst()
        continue
      }
      guard memory.canStart(head.lengths, keys: []) else { return }
      _ = memory.start(head.request, head.lengths, keys: [])
      let end = min(head.tokens.count, budget)
      guard memory.grow(head.request, computed: 0, to: end) else {
        memory.end(head.request)
        return
      }
      running.append(waiting.removeFirst())
      ends.append(end)
      budget -= end
    }
  }

  private mutating func compute(_ ends: [Int]) {
    outcome.iterations += 1
    outcome.usedBytesMax = max(outcome.usedBytesMax, memory.store.parts.used)
    let indices = running.indices.filter { ends[$0] > running[$0].computed }
    let runs = indices.map { index in
      let sequence = running[index]
      return TokenRun(
        tokens: sequence.tokens[sequence.computed..<ends[index]], firstPosition: sequence.computed,
        table: arena.table(memory.pages(of: sequence.request), of: memory.store),
        logits: ends[index] == sequence.tokens.count ? 1 : 0)
    }
    let logits = transformer.compute(runs, arena: arena, workspace: &workspace)
    var row = 0
    for index in indices {
      running[index].computed = ends[index]
      guard ends[index] == running[index].tokens.count else { continue }
      let vocab = transformer.model.vocab
      running[index].tokens.append(
        sampler.token(
          logits + row * vocab, vocab: vocab,
          at: .init(request: running[index].request, stream: 0, position: ends[index])))
      row += 1
    }
    for sequence in running where sequence.isWhole(requests[sequence.request]) {
      memory.end(sequence.request)
      outcome.outputs.append(sequence.generated)
    }
    let requests = requests
    running.removeAll { $0.isWhole(requests[$0.request]) }
  }
}

extension KeptServing.Running {
  fileprivate func isWhole(_ request: Request) -> Bool {
    tokens.count == promptTokens + Int(request.outputTokens)
  }

  fileprivate var generated: GeneratedSequence {
    let output = Array(tokens[promptTokens...])
    return GeneratedSequence(
      request: RequestID(request), stream: 0, prompt: Array(tokens[..<promptTokens]),
      output: output,
      streams: output.map { _ in 0 })
  }
}

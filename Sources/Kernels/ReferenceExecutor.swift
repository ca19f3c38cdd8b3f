import CostModel
import Foundation
import KVMemory
import Serving
import SimulationKernel
import Workload

/// Runs iterations for real: a small transformer computes every plan over a KV arena whose blocks the
/// scheduler hands out.
///
/// An iteration moves blocks (swap-outs, then swap-ins, then copies: a block that is swapped out may
/// be taken at once for a swap-in or a copy), computes the scheduled tokens of all sequences in one
/// batch, and draws the next token of those that have caught up with their length. Where drafts are among the tokens, it draws
/// behind each of them, and keeps what it draws up to the first that is not the draft.
///
/// The duration it returns is measured. A class, so that what was generated can be asked for when
/// the engine is done with it; one engine uses it, in one thread.
package final class ReferenceExecutor: IterationExecutor, @unchecked Sendable {
  /// How the simulated clock and the wall clock go together.
  package enum Pacing: Sendable {
    /// The simulated clock is the wall clock: an iteration waits until it is time for it, and what
    /// passes between two iterations (deciding, recording) is added to the second one.
    case wallClock
    /// Iterations follow each other at once, and time in which nothing runs passes unseen.
    case unpaced
    /// The same, and iterations take the processor time of the thread instead of what a clock on
    /// the wall says: the time of a machine that others use too.
    case processorTime
  }

  let transformer: Transformer
  let sampler: TokenSampler
  private let pacing: Pacing
  private let requests: [Request]
  private let prompts: PromptTokens
  /// What is drafted; `nil` where nothing is.
  private let drafting: ForcedDrafts?
  private let device: KVArena
  private let host: KVArena
  private var workspace: Workspace
  private var logits: UnsafePointer<Float>?
  /// When the simulated clock was 0, on the monotonic clock.
  private var origin: Int64?

  /// Sequences that have tokens, by number.
  var states: [Int: SequenceState] = [:]
  /// Number of the first sequence of each request that has run.
  var firstSequences: [RequestID: Int] = [:]
  var finished: [RequestID: [GeneratedSequence]] = [:]

  /// - Parameters:
  ///   - deviceBlocks: Blocks that tables may name; ``ServingSystem/placedBlocks(_:)``.
  ///   - contents: What prompts have in common; as given to the scheduler.
  package init(
    _ transformer: Transformer, requests: [Request], settings: EngineSettings, deviceBlocks: Int,
    sampler: TokenSampler, contents: PromptContents? = nil, pacing: Pacing = .unpaced
  ) {
    let model = transformer.model
    func arena(_ blocks: Int) -> KVArena {
      KVArena(
        layers: model.layers.count, kvHeads: model.kvHeads, headDim: model.headDim,
        blockSize: settings.blockSize, blocks: blocks)
    }
    self.transformer = transformer
    self.requests = requests
    self.sampler = sampler
    self.pacing = pacing
    let prompts = PromptTokens(vocab: model.vocab, seed: sampler.seed, contents: contents)
    self.prompts = prompts
    drafting = settings.v1.speculation.map { _ in
      ForcedDrafts(transformer, sampler: sampler, requests: requests, prompts: prompts)
    }
    device = arena(deviceBlocks)
    host = arena(settings.hostBlocks)
    workspace = Workspace(model)
  }

  /// The finished sequences of a request, in order of their streams.
  package func outputs(of request: RequestID) -> [GeneratedSequence] {
    (finished[request] ?? []).sorted { $0.stream < $1.stream }
  }

  // MARK: Running an iteration

  package func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    let begin = beginning(at: start)
    device.move(plan, host: host)
    var runs: [TokenRun] = []
    var drawing: [Drawing] = []
    var rows = 0
    var drafted = plan.drafted.makeIterator()
    for index in plan.scheduled.indices {
      let entry = plan.scheduled[index]
      let sequences = placement.sequences(at: index, of: plan)
      var tables: [[BlockID]] = []
      for sequence in sequences.prefix(Int(entry.sequences)) {
        let state = state(of: sequence, request: entry.request)
        let end = Int(entry.contextTokens + entry.tokens)
        let drafts = end > state.tokens.count ? drafts(behind: state, drafted.next()) : []
        let tokens = state.tokens + drafts
        precondition(end <= tokens.count, "request \(entry.request): tokens up to \(end)")
        let logits = end == tokens.count ? 1 + drafts.count : 0
        let table = placement.blocks(of: sequence)
        // Sequences that share all their blocks are one prompt, which is computed once.
        let isShared = entry.isPrefill && table == tables.first
        if logits > 0 {
          drawing.append(.init(sequence: sequence, row: isShared ? rows - 1 : rows, drafts: drafts))
        }
        guard !isShared else { continue }
        tables.append(table)
        rows += logits
        runs.append(
          TokenRun(
            tokens: tokens[Int(entry.contextTokens)..<end],
            firstPosition: Int(entry.contextTokens), table: table, logits: logits))
      }
    }
    if !runs.isEmpty {
      logits = transformer.compute(runs, arena: device, workspace: &workspace)
    }
    for drawing in drawing { verify(drawing) }
    return SimDuration(nanoseconds: now() - begin)
  }

  /// A sequence that draws a token, behind its newest one and behind each draft.
  private struct Drawing {
    var sequence: Int
    /// Of the logits behind its newest token; those behind the drafts follow.
    var row: Int
    var drafts: [Int32]
  }

  private func drafts(
    behind state: SequenceState, _ drafted: IterationPlan.Drafted?
  ) -> [Int32] {
    guard let drafting, let drafted, drafted.request == state.request else {
      preconditionFailure("request \(state.request) computes tokens that nobody drafted")
    }
    return drafting.tokens(behind: state, drafted)
  }

  /// Draws tokens up to the first that is not the draft, or that is the last of its output.
  private func verify(_ drawing: Drawing) {
    for place in 0...drawing.drafts.count {
      draw(drawing.sequence, row: drawing.row + place)
      guard place < drawing.drafts.count, let state = states[drawing.sequence],
        state.tokens.last == drawing.drafts[place],
        state.generated.count < Int(requests[Int(state.request)].outputTokens)
      else { return }
    }
  }

  /// When the iteration begins, on the monotonic clock; waits until then if the clock is real.
  private func beginning(at start: SimInstant) -> Int64 {
    let now = now()
    guard case .wallClock = pacing else { return now }
    guard let origin else {
      origin = now - start.nanoseconds
      return now
    }
    let begin = origin + start.nanoseconds
    if begin > now {
      var pause = timespec(
        tv_sec: Int((begin - now) / 1_000_000_000), tv_nsec: Int((begin - now) % 1_000_000_000))
      nanosleep(&pause, nil)
    }
    return begin
  }

  private func now() -> Int64 {
    if case .processorTime = pacing { return Stopwatch.processor.now() }
    return Stopwatch.wall.now()
  }

  private func state(of sequence: Int, request: RequestID) -> SequenceState {
    if let known = states[sequence] { return known }
    let first = firstSequences[request] ?? sequence
    firstSequences[request] = first
    let prompt = prompts.tokens(of: request, requests[Int(request)]) { quoted, sample, place in
      self.generatedToken(of: quoted, stream: sample, place: place)
    }
    let state = SequenceState(
      request: request, stream: sequence - first, tokens: prompt, promptTokens: prompt.count)
    states[sequence] = state
    return state
  }

  private func generatedToken(of request: RequestID, stream: Int, place: Int) -> Int32? {
    if let done = finished[request]?.first(where: { $0.stream == stream }) {
      return place < done.output.count ? done.output[place] : nil
    }
    guard let first = firstSequences[request], let state = states[first + stream],
      place < state.generated.count
    else { return nil }
    return state.tokens[state.promptTokens + place]
  }

  /// Draws the next token of a sequence from a row of the logits.
  private func draw(_ sequence: Int, row: Int) {
    states[sequence]?.logitsRow = row
    guard let state = states[sequence] else { return }
    let token = token(row: row, state: state, stream: state.stream)
    states[sequence]?.tokens.append(token)
    states[sequence]?.streams.append(Int32(state.stream))
    recordUnforked(sequence, of: requests[Int(state.request)], row: row)
  }

  /// The token that `stream` draws as the next one of `state`.
  func token(row: Int, state: SequenceState, stream: Int) -> Int32 {
    guard let logits else { preconditionFailure("a token is drawn and nothing was computed") }
    let vocab = transformer.model.vocab
    return sampler.token(
      logits + row * vocab, vocab: vocab,
      at: .init(request: Int(state.request), stream: stream, position: state.tokens.count))
  }

  // MARK: Taking in what the scheduler did

  package func completed(_ plan: IterationPlan, placement: some SequencePlacement) {
    for operation in placement.operations {
      switch operation {
      case .fork(_, let parent, let child, _): fork(parent, to: child)
      case .free(let request, let sequence): end(sequence, of: requests[Int(request)])
      }
    }
    for index in plan.scheduled.indices {
      let request = requests[Int(plan.scheduled[index].request)]
      for sequence in placement.sequences(at: index, of: plan) {
        recordIfFinished(sequence, of: request)
      }
    }
  }
}

extension KVArena {
  /// Moves the blocks of a plan, in the order in which the scheduler may have used them again.
  fileprivate func move(_ plan: IterationPlan, host: KVArena) {
    host.copy(plan.swapOuts, from: self)
    copy(plan.swapIns, from: host)
    copy(plan.copies, from: self)
  }
}

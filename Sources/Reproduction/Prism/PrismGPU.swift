import CostModel
import KVMemory
import SimulationKernel

/// A GPU whose memory several models share, each with an engine of its own; their iterations take turns.
///
///     memory   | weights a | weights b |── pages of a ──|─ pages of b ─|·· free ··|     shared: free pages are anyone's
///              | weights a | weights b |─ a's part ──···|─ b's part ··|                 parts:  each has as many bytes
///
/// Pages are kvcached's (``KVCachedPages``).
struct PrismGPU: Sendable {
  /// A sequence that runs.
  struct Sequence: Equatable, Sendable {
    var request: PrismRequest
    var computed: Int
    var generated = 0
    var pages: [Int]

    var isWhole: Bool { generated == request.output }
  }

  struct Engine: Sendable {
    var model: Int
    var pages: KVCachedPages
    var running: [Sequence] = []
    /// When its weights are there.
    var ready: Double
    /// When it last had something to do.
    var lastUse: Double
    /// Whether it serves to their ends only those that run.
    var isLeaving = false
    /// Whether a sequence made way, and since then none has ended and no model has left.
    var isShort = false
  }

  let models: [PrismModel]
  let capacity: Int
  /// Bytes that the pages of one model may have, where memory is split.
  let part: Int?
  private(set) var engines: [Engine] = []
  private var turn = 0

  init(_ models: [PrismModel], capacity: Int, part: Int?) {
    self.models = models
    self.capacity = capacity
    self.part = part
  }

  /// Bytes of weights and of mapped pages.
  var usedBytes: Int {
    engines.reduce(0) {
      $0 + models[$1.model].weightBytes + $1.pages.mappedPages * models[$1.model].bundleBytes
    }
  }

  var freeBytes: Int { capacity - usedBytes }

  func engine(of model: Int) -> Int? {
    engines.firstIndex { $0.model == model && !$0.isLeaving }
  }

  // MARK: Models come and go

  mutating func add(_ model: Int, ready: Double, now: Double) {
    let spec = models[model]
    makeRoom(spec.weightBytes)
    let virtual = max(0, (part ?? capacity) / spec.bundleBytes)
    let pages = KVCachedPages(
      pages: virtual, pageBytes: PrismModel.pageBytes, blockBytes: spec.blockBytes)
    engines.append(Engine(model: model, pages: pages, ready: ready, lastUse: now))
  }

  mutating func remove(_ engine: Int) {
    precondition(engines[engine].running.isEmpty, "PrismGPU: a model leaves with sequences")
    engines.remove(at: engine)
    for index in engines.indices where part == nil { engines[index].isShort = false }
  }

  mutating func leave(_ engine: Int) { engines[engine].isLeaving = true }

  mutating func touch(_ engine: Int, now: Double) { engines[engine].lastUse = now }

  /// Bytes that a model could have here: free ones, and pages that are mapped ahead.
  var roomBytes: Int {
    freeBytes
      + engines.reduce(0) { $0 + $1.pages.reserved.count * models[$1.model].bundleBytes }
  }

  /// Unmaps pages ahead until so many bytes are free, as far as there are any.
  private mutating func makeRoom(_ bytes: Int) {
    for index in engines.indices {
      while freeBytes < bytes, engines[index].pages.unmapReserved() {}
    }
  }

  // MARK: Iterations

  /// What an iteration did.
  struct Step: Equatable, Sendable {
    var seconds: Double
    /// Requests that started, got a token, ended, and made way.
    var started: [Int] = []
    var generated: [Int] = []
    var ended: [Int] = []
    var madeWay: [PrismRequest] = []
  }

  /// Whether some of the requests that wait can start now, so that their order matters.
  func startsSome(_ waiting: [PrismRequest], now: Double) -> Bool {
    guard !waiting.isEmpty else { return false }
    let room = startRoom(now: now)
    return waiting.contains { canStart($0, room) }
  }

  /// Whether the first request in line whose model is here cannot start for want of pages.
  func lacksRoom(_ line: [PrismRequest], now: Double) -> Bool {
    let head = line.first { request in
      engine(of: request.model).map { engines[$0].ready <= now } ?? false
    }
    return head.map { !canStart($0, startRoom(now: now)) } ?? false
  }

  /// Runs an iteration of the engine whose head of line can start, the head that stands first, else of the next engine in
  /// turn that has sequences.
  ///
  /// Only the first request of a model in line is asked, as an engine serves its queue in order: a shorter one behind it
  /// would choose an engine that starts nobody, for ever.
  ///
  /// - Parameter line: Requests that wait, in their order; it may be empty if none of them can start.
  /// - Returns: `nil` if there is nothing to do.
  mutating func step(_ line: [PrismRequest], now: Double) -> Step? {
    let head = startingHead(of: line, now: now)
    guard let engine = head.flatMap({ engine(of: $0.model) }) ?? nextInTurn() else { return nil }
    var step = Step(seconds: 0)
    var work = IterationWork()
    decode(engine, &work, &step)
    start(line, engine, &work, &step)
    let spec = models[engines[engine].model]
    step.seconds = spec.costModel.duration(of: work).seconds
    finish(engine, &step, at: now + step.seconds)
    return step
  }

  /// Blocks that a prompt of each model may have now; none of a model that is not here or not ready, and none while a
  /// sequence that made way waits.
  private func startRoom(now: Double) -> [Int] {
    var room = models.map { _ in 0 }
    for index in engines.indices where !isShort(index) {
      guard engines[index].ready <= now, !engines[index].isLeaving else { continue }
      room[engines[index].model] = roomBlocks(index)
    }
    return room
  }

  /// Whether nobody may start in an engine, or those that run would never get a turn. Shared pages are short for everyone.
  private func isShort(_ engine: Int) -> Bool {
    part == nil ? engines.contains(where: \.isShort) : engines[engine].isShort
  }

  private func startingHead(of line: [PrismRequest], now: Double) -> PrismRequest? {
    guard !line.isEmpty else { return nil }
    let room = startRoom(now: now)
    var isPassed = room.map { $0 == 0 }
    for request in line where !isPassed[request.model] {
      if canStart(request, room) { return request }
      isPassed[request.model] = true
    }
    return nil
  }

  private func canStart(_ request: PrismRequest, _ room: [Int]) -> Bool {
    blocks(request.prompt, models[request.model]) <= room[request.model]
  }

  private mutating func nextInTurn() -> Int? {
    let order = engines.indices.map { (turn + 1 + $0) % engines.count }
    guard let next = order.first(where: { !engines[$0].running.isEmpty }) else { return nil }
    turn = next
    return next
  }

  private func blocks(_ tokens: Int, _ spec: PrismModel) -> Int {
    (tokens + spec.blockTokens - 1) / spec.blockTokens
  }

  /// Blocks that an engine can take, with the pages that there is room to map.
  private func roomBlocks(_ engine: Int) -> Int {
    let bytes = roomBytes(but: engine)
    guard bytes >= 0 else { return 0 }
    return engines[engine].pages.availableBlocks(
      mapping: bytes / models[engines[engine].model].bundleBytes)
  }

  /// Free bytes, and pages ahead of the others.
  private func roomBytes(but engine: Int) -> Int {
    if let part {
      let spec = models[engines[engine].model]
      return part - engines[engine].pages.mappedPages * spec.bundleBytes
    }
    return roomBytes - engines[engine].pages.reserved.count
      * models[engines[engine].model].bundleBytes
  }

  /// Takes blocks, and maps pages ahead behind it, while there is room.
  private mutating func take(_ count: Int, _ engine: Int) -> [Int]? {
    guard count > 0 else { return [] }
    guard let pages = engines[engine].pages.pagesToMap(for: count) else { return nil }
    let spec = models[engines[engine].model]
    guard pages * spec.bundleBytes <= roomBytes(but: engine) else { return nil }
    if part == nil { makeRoomBeside(engine, pages * spec.bundleBytes) }
    let taken = engines[engine].pages.take(count)
    engines[engine].pages.refill(
      limit: max(0, (part == nil ? freeBytes : roomBytes(but: engine)) / spec.bundleBytes))
    return taken
  }

  private mutating func makeRoomBeside(_ engine: Int, _ bytes: Int) {
    for index in engines.indices where index != engine {
      while freeBytes < bytes, engines[index].pages.unmapReserved() {}
    }
  }

  private mutating func decode(_ engine: Int, _ work: inout IterationWork, _ step: inout Step) {
    let spec = models[engines[engine].model]
    var index = 0
    while index < engines[engine].running.count {
      // Not copied out: its pages would be copied with the first that is added.
      let tokens = engines[engine].running[index].computed + 1
      let missing = blocks(tokens, spec) - engines[engine].running[index].pages.count
      guard let pages = take(missing, engine) else {
        // The last one makes way; the sequence itself if it is the last.
        makeWay(engine, &step)
        continue
      }
      engines[engine].running[index].pages += pages
      engines[engine].running[index].computed = tokens
      work.decode(1, contextTokens: tokens)
      work.sampledSequences += 1
      index += 1
    }
  }

  private mutating func makeWay(_ engine: Int, _ step: inout Step) {
    let last = engines[engine].running.removeLast()
    engines[engine].pages.give(last.pages)
    var request = last.request
    request.prompt += last.generated
    request.output -= last.generated
    step.madeWay.append(request)
    engines[engine].isShort = true
  }

  /// Tokens of prompts in an iteration, unless one prompt alone has more.
  private static let promptTokensMax = 2048

  private mutating func start(
    _ line: [PrismRequest], _ engine: Int, _ work: inout IterationWork, _ step: inout Step
  ) {
    guard !isShort(engine), !engines[engine].isLeaving else { return }
    var tokens = 0
    for request in line where request.model == engines[engine].model {
      let prompt = request.prompt
      guard tokens == 0 || tokens + prompt <= Self.promptTokensMax,
        let pages = take(blocks(prompt, models[engines[engine].model]), engine)
      else { break }
      tokens += prompt
      work.prefillChunks.append(.init(tokens: prompt, contextTokens: 0))
      work.sampledSequences += 1
      engines[engine].running.append(
        Sequence(request: request, computed: prompt, pages: pages))
      step.started.append(request.number)
    }
  }

  private mutating func finish(_ engine: Int, _ step: inout Step, at time: Double) {
    for index in engines[engine].running.indices {
      engines[engine].running[index].generated += 1
      step.generated.append(engines[engine].running[index].request.number)
    }
    for sequence in engines[engine].running where sequence.isWhole {
      engines[engine].pages.give(sequence.pages)
      step.ended.append(sequence.request.number)
    }
    engines[engine].running.removeAll(where: \.isWhole)
    let sharers = part == nil ? Array(engines.indices) : [engine]
    if !step.ended.isEmpty || sharers.allSatisfy({ engines[$0].running.isEmpty }) {
      for index in sharers { engines[index].isShort = false }
    }
    engines[engine].lastUse = time
  }
}

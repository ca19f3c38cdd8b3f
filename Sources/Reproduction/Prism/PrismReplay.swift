import Foundation

/// A trial: requests for several models on GPUs that models share.
struct PrismReplay {
  enum Policy: String, CaseIterable, Sendable {
    /// Each model has its part of a GPU's memory, for good.
    case partition
    /// Models stay where they are and share free pages: MuxServe++, which is kvcached under fixed places.
    case shared
    /// Pages are shared, models move, leave where they are idle and memory is short, and come back; first tokens by deadline.
    case prism
  }

  struct Outcome: Equatable, Sendable {
    /// Means over all requests, seconds.
    var firstToken = 0.0
    var perToken = 0.0
    var whole = 0.0
    /// Share of the requests whose first token came in time.
    var attainment = 0.0
    var activations = 0
    var migrations = 0
    var preemptions = 0
  }

  /// Seconds after which an idle model leaves where memory is short: the paper's (§6.1, A.4).
  static let idleSeconds = 45.0
  /// Seconds between two looks at the places; ours.
  static let tickSeconds = 10.0
  /// Of the exponential mean of a model's rate: what it counts is as old, in the mean, as in the paper's window of 60 s (A.4).
  static let rateSeconds = 30.0
  /// Of the mean pressure, by how much a GPU's exceeds another's before a model moves; ours.
  static let threshold = 0.1
  /// Seconds to move the weights of 8 billion parameters over NVLink: the paper's.
  static let migrationSeconds = 0.020

  private let policy: Policy
  private let models: [PrismModel]
  private let requests: [PrismRequest]
  private let promptSeconds: [Double]
  private(set) var gpus: [PrismGPU]
  private var lines: [[PrismRequest]]
  /// Requests for models that are nowhere, and find no room.
  private var homeless: [PrismRequest] = []
  /// When each GPU decides next.
  private var next: [Double]
  private var busy: [Double]
  /// Tokens a second of each model, and when that was.
  private var rates: [(value: Double, time: Double)]
  private var firstTokens: [Double]
  private var ends: [Double]
  private var outcome = Outcome()

  /// - Returns: `nil` if the weights of models that stay do not fit, or the longest request does not fit beside them.
  init?(
    _ policy: Policy, _ models: [PrismModel], _ requests: [PrismRequest], gpus count: Int,
    capacity: Int
  ) {
    self.policy = policy
    self.models = models
    self.requests = requests
    promptSeconds = requests.map { models[$0.model].promptSeconds($0.prompt) }
    lines = Array(repeating: [], count: count)
    next = Array(repeating: .infinity, count: count)
    busy = Array(repeating: 0, count: count)
    rates = models.map { _ in (0, 0) }
    firstTokens = requests.map { _ in .infinity }
    ends = firstTokens
    gpus = []
    let shares = (0..<count).map { gpu in models.indices.filter { $0 % count == gpu } }
    let longest = requests.map { ($0.prompt + $0.output) * models[$0.model].tokenBytes }.max() ?? 0
    let bundle = models.map(\.bundleBytes).max() ?? 0
    for share in shares {
      let staying = policy == .prism ? [] : share
      let rest = capacity - staying.reduce(0) { $0 + models[$1].weightBytes }
      let part = policy == .partition ? rest / max(1, share.count) : nil
      guard part ?? rest > longest + bundle else { return nil }
      var gpu = PrismGPU(models, capacity: capacity, part: part)
      // Where models move, as many as leave room for the longest request are there at the start.
      for model in share {
        let room = gpu.roomBytes - models[model].weightBytes
        if policy != .prism || room > longest + bundle { gpu.add(model, ready: 0, now: 0) }
      }
      gpus.append(gpu)
    }
  }

  /// - Parameter check: Called after each iteration, for tests.
  mutating func run(check: (PrismGPU) -> Void = { _ in }) -> Outcome {
    var arriving = 0
    var tick = policy == .prism ? Self.tickSeconds : .infinity
    while true {
      let arrival = arriving < requests.count ? requests[arriving].arrival : .infinity
      let gpu = next.indices.min { (next[$0], $0) < (next[$1], $1) } ?? 0
      let isOver = arrival.isInfinite && lines.allSatisfy(\.isEmpty) && homeless.isEmpty
      if isOver && next[gpu].isInfinite { break }
      if arrival <= min(tick, next[gpu]) {
        arrive(requests[arriving], now: arrival)
        arriving += 1
      } else if tick <= next[gpu] {
        look(now: tick)
        tick += Self.tickSeconds
      } else {
        iterate(gpu, now: next[gpu])
        check(gpus[gpu])
      }
      precondition(tick.isInfinite || tick < 1e6, "PrismReplay: requests wait for ever")
    }
    return summed()
  }

  private func summed() -> Outcome {
    var outcome = outcome
    let count = Double(requests.count)
    for request in requests {
      let ttft = firstTokens[request.number] - request.arrival
      outcome.firstToken += ttft / count
      outcome.whole += (ends[request.number] - request.arrival) / count
      let gaps = Double(max(1, request.output - 1))
      outcome.perToken += (ends[request.number] - firstTokens[request.number]) / gaps / count
      if ttft <= models[request.model].ttft { outcome.attainment += 1 / count }
    }
    return outcome
  }

  // MARK: Events

  private mutating func arrive(_ request: PrismRequest, now: Double) {
    if let gpu = place(of: request.model) {
      lines[gpu].append(request)
      wake(gpu, at: now)
    } else {
      homeless.append(request)
      bringBack(now: now)
    }
  }

  private mutating func wake(_ gpu: Int, at time: Double) {
    next[gpu] = min(next[gpu], max(time, busy[gpu]))
  }

  private mutating func iterate(_ gpu: Int, now: Double) {
    if policy == .prism { reclaim(gpu, now: now) }
    let isOrderAsked = gpus[gpu].startsSome(lines[gpu], now: now)
    let line = isOrderAsked ? inOrder(lines[gpu], now: now) : []
    guard let step = gpus[gpu].step(line, now: now) else {
      // Until weights are there, or someone wakes it.
      next[gpu] = gpus[gpu].engines.map(\.ready).filter { $0 > now }.min() ?? .infinity
      return
    }
    let end = now + step.seconds
    busy[gpu] = end
    next[gpu] = end
    if !step.started.isEmpty {
      let started = Set(step.started)
      for request in lines[gpu] where started.contains(request.number) {
        note(request.model, tokens: request.prompt, now: end)
      }
      lines[gpu].removeAll { started.contains($0.number) }
    }
    for request in step.madeWay.reversed() { putBack(request, gpu, now: end) }
    outcome.preemptions += step.madeWay.count
    for number in step.generated {
      if firstTokens[number].isInfinite { firstTokens[number] = end }
      note(requests[number].model, tokens: 1, now: end)
    }
    for number in step.ended { ends[number] = end }
    guard policy == .prism, !step.ended.isEmpty || !step.madeWay.isEmpty else { return }
    dismiss(gpu)
    bringBack(now: end)
  }

  /// One that made way is first in line where its model is by now.
  private mutating func putBack(_ request: PrismRequest, _ gpu: Int, now: Double) {
    let places = [gpu] + Array(gpus.indices)
    guard let place = places.first(where: { gpus[$0].engine(of: request.model) != nil }) else {
      homeless.append(request)
      return
    }
    lines[place].insert(request, at: 0)
    wake(place, at: now)
  }

  /// Those whose first token may still come in time first; by arrival where nobody looks at deadlines.
  private func inOrder(_ line: [PrismRequest], now: Double) -> [PrismRequest] {
    guard policy == .prism, line.count > 1 else { return line }
    let jobs = line.map {
      DeadlineOrder.Job(
        deadline: $0.arrival + models[$0.model].ttft, seconds: promptSeconds[$0.number])
    }
    return DeadlineOrder.order(jobs, now: now).map { line[$0] }
  }

  // MARK: Places

  /// Tokens of prompts that start count as well as those that are generated (§6.1).
  private mutating func note(_ model: Int, tokens: Int, now: Double) {
    rates[model] = (rate(model, now: now) + Double(tokens) / Self.rateSeconds, now)
  }

  private func rate(_ model: Int, now: Double) -> Double {
    rates[model].value * exp(-max(0, now - rates[model].time) / Self.rateSeconds)
  }

  private func demand(_ model: Int, now: Double) -> Double {
    rate(model, now: now) * Double(models[model].tokenBytes) / models[model].tpot
  }

  private func pressure(_ gpu: Int, now: Double) -> Double {
    let engines = gpus[gpu].engines
    let shared = engines.reduce(gpus[gpu].capacity) { $0 - models[$1.model].weightBytes }
    return engines.reduce(0) { $0 + demand($1.model, now: now) } / Double(max(1, shared))
  }

  /// Gives models that are nowhere a GPU with room for their weights, that of least pressure; idle ones make way.
  private mutating func bringBack(now: Double) {
    guard !homeless.isEmpty else { return }
    var still: [PrismRequest] = []
    var refused: Set<Int> = []
    for request in homeless {
      if let gpu = place(of: request.model) {
        lines[gpu].append(request)
        wake(gpu, at: now)
      } else if !refused.contains(request.model), let gpu = roomiest(for: request.model, now: now) {
        let ready = now + models[request.model].activationSeconds
        gpus[gpu].add(request.model, ready: ready, now: now)
        outcome.activations += 1
        lines[gpu].append(request)
        wake(gpu, at: ready)
      } else {
        refused.insert(request.model)
        still.append(request)
      }
    }
    homeless = still
  }

  /// The GPU that has a model and takes its requests.
  private func place(of model: Int) -> Int? {
    gpus.indices.first { gpus[$0].engine(of: model) != nil }
  }

  /// The GPU of least pressure that has room for a model's weights, or makes it.
  private mutating func roomiest(for model: Int, now: Double) -> Int? {
    let order = gpus.indices.sorted {
      (pressure($0, now: now), $0) < (pressure($1, now: now), $1)
    }
    return order.first { makeRoom($0, models[model].weightBytes) }
  }

  /// Lets idle models leave, the one that was used least recently first, until there is room.
  private mutating func makeRoom(_ gpu: Int, _ bytes: Int) -> Bool {
    while gpus[gpu].roomBytes < bytes {
      guard
        let idle = idleEngines(gpu).min(by: {
          gpus[gpu].engines[$0].lastUse < gpus[gpu].engines[$1].lastUse
        })
      else { return false }
      gpus[gpu].remove(idle)
    }
    return true
  }

  /// Engines that nobody waits for or runs in.
  private func idleEngines(_ gpu: Int) -> [Int] {
    gpus[gpu].engines.indices.filter { index in
      let engine = gpus[gpu].engines[index]
      return engine.running.isEmpty && !lines[gpu].contains { $0.model == engine.model }
    }
  }

  /// Removes engines that were leaving and have ended.
  private mutating func dismiss(_ gpu: Int) {
    while let gone = gpus[gpu].engines.firstIndex(where: { $0.isLeaving && $0.running.isEmpty }) {
      gpus[gpu].remove(gone)
    }
  }

  /// Lets models leave that were idle for long, the one that was used least recently first, while a request lacks pages.
  private mutating func reclaim(_ gpu: Int, now: Double) {
    while gpus[gpu].lacksRoom(lines[gpu], now: now),
      let idle = idleEngines(gpu).min(by: {
        gpus[gpu].engines[$0].lastUse < gpus[gpu].engines[$1].lastUse
      }), now - gpus[gpu].engines[idle].lastUse > Self.idleSeconds
    {
      gpus[gpu].remove(idle)
    }
  }

  private mutating func look(now: Double) {
    // A model may have been idle for long enough by now.
    for gpu in gpus.indices where !lines[gpu].isEmpty { wake(gpu, at: now) }
    move(now: now)
    bringBack(now: now)
  }

  /// Moves models whose place is another by now; the source serves on those that run there.
  private mutating func move(now: Double) {
    let here = gpus.indices.flatMap { gpu in
      gpus[gpu].engines.filter { !$0.isLeaving }.map { (gpu: gpu, model: $0.model) }
    }
    let loads = here.map {
      KVPressure.Model(
        demand: demand($0.model, now: now), weightBytes: models[$0.model].weightBytes,
        current: $0.gpu)
    }
    let mean = gpus.indices.reduce(0) { $0 + pressure($1, now: now) } / Double(gpus.count)
    let places = KVPressure.place(
      loads, gpus: gpus.count, capacity: gpus[0].capacity, threshold: mean * Self.threshold)
    for (place, (gpu, model)) in zip(places, here) {
      guard let place, place != gpu, gpus[place].roomBytes >= models[model].weightBytes,
        let source = gpus[gpu].engine(of: model)
      else { continue }
      let weights = Double(models[model].weightBytes) / 16e9
      gpus[place].add(model, ready: now + Self.migrationSeconds * weights, now: now)
      gpus[gpu].leave(source)
      outcome.migrations += 1
      lines[place] += lines[gpu].filter { $0.model == model }
      lines[gpu].removeAll { $0.model == model }
      dismiss(gpu)
      wake(place, at: now)
    }
  }
}

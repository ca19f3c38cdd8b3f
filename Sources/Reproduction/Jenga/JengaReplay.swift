import KVMemory
import SimulationKernel

/// A model with layers that keep every token and layers that keep a window, as Ministral 8B: 9 and 27 of 36, a window of
/// 32,768 tokens, 8 heads of 128 numbers in 16 bits (its pattern of layers is from memory).
struct WindowModel: Sendable {
  var fullLayers = 9
  var windowLayers = 27
  var windowTokens = 32_768
  /// Keys and values of a token in a layer.
  var layerBytes = 2 * 8 * 128 * 2
  var blockTokens = 16
}

/// What holds the keys and values of requests of ``WindowModel``.
protocol WindowMemory {
  var bytes: Int { get }
  /// Bytes of the pages that requests hold.
  var usedBytes: Int { get }

  /// Takes what a request lacks to have computed `tokens` tokens, or nothing if that is not there.
  ///
  /// - Parameter spare: Bytes that must be left over.
  mutating func hold(_ request: Int, tokens: Int, spare: Int) -> Bool
  mutating func release(_ request: Int)
}

/// vLLM 0.6: one block for all layers, which keep every token.
struct UniformMemory: WindowMemory {
  let bytes: Int
  private let model: WindowModel
  private var blocks: [Int: Int] = [:]
  private(set) var usedBytes = 0

  init(bytes: Int, model: WindowModel) {
    self.bytes = bytes
    self.model = model
  }

  private var blockBytes: Int {
    (model.fullLayers + model.windowLayers) * model.layerBytes * model.blockTokens
  }

  mutating func hold(_ request: Int, tokens: Int, spare: Int) -> Bool {
    let wanted = (tokens + model.blockTokens - 1) / model.blockTokens
    let more = (wanted - (blocks[request] ?? 0)) * blockBytes
    guard usedBytes + more + spare <= bytes else { return false }
    blocks[request] = wanted
    usedBytes += more
    return true
  }

  mutating func release(_ request: Int) {
    usedBytes -= (blocks.removeValue(forKey: request) ?? 0) * blockBytes
  }
}

/// Jenga: pages of two sizes over one pool; pages before the window go back.
struct JengaMemory: WindowMemory {
  let bytes: Int
  private let model: WindowModel
  private var pool: JengaPool
  private var full: [Int: [JengaPool.Page]] = [:]
  /// The pages in the window, the first of which is the page number ``skipped``.
  private var window: [Int: [JengaPool.Page]] = [:]
  private var skipped: [Int: Int] = [:]

  init(bytes: Int, model: WindowModel) {
    self.bytes = bytes
    self.model = model
    let page = model.layerBytes * model.blockTokens
    pool = JengaPool(
      bytes: bytes, smallBytes: [model.fullLayers * page, model.windowLayers * page])
  }

  var usedBytes: Int { pool.ledger.used + pool.ledger.split }

  mutating func hold(_ request: Int, tokens: Int, spare: Int) -> Bool {
    let pages = (tokens + model.blockTokens - 1) / model.blockTokens
    let first = max(0, tokens - model.windowTokens) / model.blockTokens
    drop(request, before: first)
    let wanted = [
      pages - (full[request]?.count ?? 0), pages - first - (window[request]?.count ?? 0),
    ]
    guard wanted.contains(where: { $0 > 0 }) else { return true }
    // As if each kind needed large pages of its own.
    let need = zip(wanted, pool.smallCounts).reduce(0) {
      $0 + ($1.0 + $1.1 - 1) / $1.1 * pool.largeBytes
    }
    guard need + spare <= pool.ledger.free else { return false }
    full[request, default: []] += take(wanted[0], type: 0, request)
    window[request, default: []] += take(wanted[1], type: 1, request)
    return true
  }

  private mutating func take(_ count: Int, type: Int, _ request: Int) -> [JengaPool.Page] {
    (0..<count).map { _ in
      guard let taken = pool.allocate(type: type, request: Int32(request)) else {
        preconditionFailure("JengaMemory: a page is missing that was counted")
      }
      return taken.page
    }
  }

  /// Gives pages that lie before the window back.
  private mutating func drop(_ request: Int, before first: Int) {
    guard let pages = window[request] else {
      skipped[request] = first
      return
    }
    let gone = min(first - (skipped[request] ?? 0), pages.count)
    for page in pages.prefix(gone) { pool.release(page, to: .empty) }
    window[request] = Array(pages.dropFirst(gone))
    skipped[request] = first
  }

  mutating func release(_ request: Int) {
    for page in (full.removeValue(forKey: request) ?? [])
      + (window.removeValue(forKey: request) ?? [])
    {
      pool.release(page, to: .empty)
    }
    skipped[request] = nil
  }
}

/// Requests that are all there at once, prompts first, whole, first come first served; then a token each an iteration.
///
/// - Source: vLLM 0.6.3 without chunked prefill, with its watermark of 1 %.
struct DecodeReplay {
  struct Outcome: Equatable, Sendable {
    var decodeSteps = 0
    /// Tokens generated.
    var tokens = 0
    /// Of the pool, the share held for tokens that no layer attends to again and for no token, mean over decode steps.
    var wasteShare = 0.0

    var meanBatch: Double { Double(tokens) / Double(decodeSteps) }
  }

  /// - Parameter requests: Tokens of prompts and of outputs.
  /// - Precondition: Each request fits by itself.
  static func run(
    _ requests: [(prompt: Int, output: Int)], model: WindowModel, memory: inout some WindowMemory
  ) -> Outcome {
    var outcome = Outcome()
    var waiting = Array(requests.indices)
    var running: [Int] = []
    var generated = [Int](repeating: 0, count: requests.count)
    let spare = memory.bytes / 100
    func tokens(_ request: Int) -> Int { requests[request].prompt + generated[request] }
    while !waiting.isEmpty || !running.isEmpty {
      while let head = waiting.first, memory.hold(head, tokens: tokens(head), spare: spare) {
        running.append(waiting.removeFirst())
      }
      precondition(!running.isEmpty, "DecodeReplay: a request does not fit in an empty pool")
      var index = 0
      while index < running.count {
        let request = running[index]
        if memory.hold(request, tokens: tokens(request) + 1, spare: 0) {
          index += 1
        } else {
          // The one admitted last makes way, and is computed again.
          let last = running.removeLast()
          memory.release(last)
          waiting.insert(last, at: 0)
        }
      }
      for request in running { generated[request] += 1 }
      outcome.decodeSteps += 1
      outcome.tokens += running.count
      let needed = running.reduce(0) { $0 + Self.neededBytes(tokens($1), model) }
      outcome.wasteShare += Double(memory.usedBytes - needed) / Double(memory.bytes)
      for request in running where generated[request] == requests[request].output {
        memory.release(request)
      }
      running.removeAll { generated[$0] == requests[$0].output }
    }
    outcome.wasteShare /= Double(outcome.decodeSteps)
    return outcome
  }

  /// Bytes that layers attend to: every token, or those of the window.
  private static func neededBytes(_ tokens: Int, _ model: WindowModel) -> Int {
    (tokens * model.fullLayers + min(tokens, model.windowTokens) * model.windowLayers)
      * model.layerBytes
  }
}

import KVMemory

/// A model of the AVMP study: four attention layers and 28 recurrent ones, in 16-bit floats.
package enum AVMPModel: String, CaseIterable, Sendable {
  case jamba = "jamba_1_5_mini"
  case mamba2 = "mamba2_1b3"

  static let attentionLayers = 4
  static let recurrentLayers = 28

  /// Bytes of one state: 8,192 channels by 16 or 128 numbers.
  package var stateBytes: Int { Self.aligned(8192 * (self == .jamba ? 16 : 128) * 2) }

  /// Bytes of a page of keys and values: 8 heads of 128 numbers.
  package static func kvBytes(blockTokens: Int) -> Int {
    aligned(2 * 8 * 128 * 2 * blockTokens)
  }

  /// Units begin at multiples of 128 bytes.
  private static func aligned(_ bytes: Int) -> Int { (bytes + 127) / 128 * 128 }
}

/// What a pool made of one workload.
struct AVMPOutcome: Equatable, Sendable {
  /// Takings that failed; a request goes on without what it did not get.
  var outOfMemory = 0
  /// Requests without a failed taking.
  var completed = 0
  var migratedBytes = 0
}

/// Requests come, grow by a page where they pass the end of one, and go, at given ticks.
///
///     arrival        prompt tokens later        + generated tokens
///     ▼              ▼                          ▼
///     |── prompt ────|─ a page where one fills ─|  all is given back
///
/// - Source: `benchmarks/harness/runner.py` of codepawl/cachepawl. At one tick requests go, then grow, then come, each in
///   the order of their numbers; a page that the last token would begin comes with the end of its request and is not taken.
enum AVMPReplay {
  private enum Kind: Int { case departure, growth, arrival }

  private struct Event {
    var tick: Int
    var kind: Kind
    var request: Int32

    var order: (Int, Int, Int32) { (tick, kind.rawValue, request) }
  }

  static func run(
    _ requests: [AVMPRequest], blockTokens: Int, pool: inout some HybridPool
  ) -> AVMPOutcome {
    var outcome = AVMPOutcome()
    var held: [[HybridHandle]?] = Array(repeating: nil, count: requests.count)
    var failed = [Bool](repeating: false, count: requests.count)
    func take(_ count: Int, _ kind: HybridUnit, layers: Int, _ request: Int) {
      for _ in 0..<layers {
        if let handles = pool.allocate(count, of: kind, for: Int32(request)) {
          held[request]? += handles
        } else {
          outcome.outOfMemory += 1
          failed[request] = true
        }
      }
    }
    for event in events(requests, blockTokens: blockTokens) {
      let request = Int(event.request)
      switch event.kind {
      case .arrival:
        held[request] = []
        let pages = (requests[request].promptTokens + blockTokens - 1) / blockTokens
        take(pages, .kv, layers: AVMPModel.attentionLayers, request)
        take(1, .state, layers: AVMPModel.recurrentLayers, request)
      case .growth:
        if held[request] != nil { take(1, .kv, layers: AVMPModel.attentionLayers, request) }
      case .departure:
        pool.free(held[request] ?? [])
        held[request] = nil
        if !failed[request] { outcome.completed += 1 }
      }
    }
    outcome.migratedBytes = pool.migratedBytes
    return outcome
  }

  private static func events(_ requests: [AVMPRequest], blockTokens: Int) -> [Event] {
    var events: [Event] = []
    for request in requests {
      let decodes = request.arrivalTick + request.promptTokens
      let end = decodes + request.generatedTokens
      events.append(Event(tick: request.arrivalTick, kind: .arrival, request: request.id))
      events.append(Event(tick: end, kind: .departure, request: request.id))
      let pages = (request.promptTokens + blockTokens - 1) / blockTokens
      // The token after `pages` full pages is the first that needs another one.
      let first = decodes + pages * blockTokens + 1 - request.promptTokens
      for tick in stride(from: first, through: end, by: blockTokens) {
        events.append(Event(tick: tick, kind: .growth, request: request.id))
      }
    }
    return events.sorted { $0.order < $1.order }
  }
}

import KVMemory
import Messages
import Serving

/// Replays what was asked of vLLM's hybrid KV cache manager, operation by operation, without a scheduler.
///
/// Fed in from the record are the requests and the tokens of each operation; hits, junctions, whether there was room,
/// tables and free blocks are computed and compared.
struct HybridManagerReplay {
  private var memory: HybridMemory
  /// By number, in the order of their admission.
  private var running: [Int] = []
  /// Tokens of each request so far, and how many of them are computed.
  private var lengths: [Int: (tokens: Int, computed: Int)] = [:]
  private var operations = 0

  private static let fields: Set<String> = [
    "name", "source", "groups", "num_blocks", "scheduler_block_size", "hash_block_size",
    "max_in_flight_tokens", "chunk", "align", "extra", "ops",
  ]
  /// Longest sequence of every recording.
  private static let maxModelLength = 2048

  static func recognizes(_ header: GoldenRecord) -> Bool { header.has("ops") }

  /// - Throws: ``UserError`` for records that cannot be read.
  static func run(_ golden: GoldenFile) throws -> ConformanceReport {
    let header = golden.header
    try header.requireOnly(fields, in: "the header")
    guard let ops = header.fields["ops"] as? [[String: Any]] else {
      throw header.failure("`ops` must be a list of objects")
    }
    var replay = Self(
      memory: HybridMemory(
        groups: try groups(header),
        deviceBlocks: Int(try header.integer32("num_blocks", atLeast: 1)), isCaching: true,
        retention: try retention(header), freeQueueRule: .unhashedFirst,
        longestSequence: maxModelLength))
    var outcome = ConformanceReport.Outcome.passes
    do {
      for fields in ops { try replay.perform(GoldenRecord(header, fields)) }
    } catch let divergence as Divergence {
      outcome = .diverges(divergence)
    }
    return ConformanceReport(
      caseName: try header.string("name"), steps: replay.operations, outcome: outcome)
  }

  private static func groups(_ header: GoldenRecord) throws -> [BlockGroup] {
    try header.mixedLists("groups").map { group in
      guard group.count >= 2, let kind = group[0] as? String, let size = group[1] as? Int, size > 0
      else { throw header.failure("`groups` must consist of [kind, block size, …]") }
      let tokens = group.count > 2 ? group[2] as? Int : nil
      let keeps: KVGroupKind
      switch (kind, tokens) {
      case ("full", nil): keeps = .all
      case ("sw", let tokens?) where tokens > 0: keeps = .window(tokens: tokens)
      case ("chunked", let tokens?) where tokens > 0: keeps = .chunk(tokens: tokens)
      case ("mamba", nil) where group.count == 3 && group[2] as? String == "align":
        keeps = .state(blocks: 2)
      default: throw header.failure("unknown group `\(kind)`")
      }
      return BlockGroup(keeps: keeps, blockTokens: size)
    }
  }

  private static func retention(_ header: GoldenRecord) throws -> HybridMemory.Retention {
    let extra = GoldenRecord(header, header.fields["extra"] as? [String: Any] ?? [:])
    try extra.requireOnly(["prefix_cache_retention_interval"], in: "extra")
    guard extra.has("prefix_cache_retention_interval") else { return .dense }
    let tokens = Int(try extra.integer32("prefix_cache_retention_interval", atLeast: 0))
    return tokens == 0 ? .boundaries : .every(tokens: tokens)
  }

  private mutating func perform(_ record: GoldenRecord) throws {
    memory.beginIteration()
    let name = try record.string("id")
    guard name.hasPrefix("r"), let request = Int(name.dropFirst()) else {
      throw record.failure("`id` must be `r` and a number, found `\(name)`")
    }
    let comparison = StepComparison(record: record, step: operations)
    switch try record.string("op") {
    case "admit": try admit(request, comparison)
    case "step": try go(on: request, comparison)
    case "finish": leave(request)
    case let other: throw record.failure("unknown operation `\(other)`")
    }
    try comparison.integer("free", memory.pool.freeCount)
    if record.has("blocks") {
      try comparison.lists("blocks", memory.tables(of: request).map { $0.map { Int($0) } })
    }
    operations += 1
  }

  private mutating func admit(_ request: Int, _ comparison: StepComparison) throws {
    let record = comparison.record
    let family = Int64(try record.integer32("family", atLeast: 0))
    let cut = Int(try record.integer32("cut", atLeast: 0))
    let length = cut + Int(try record.integer32("tail", atLeast: 1))
    memory.tell(request, promptTokens: length) { blockTokens, enter in
      var spans = SpanBuilder(blockTokens: blockTokens, runs: 2)
      spans.add(stream: family, start: 0, count: cut, enter)
      spans.add(
        stream: 1_000_000 + Int64(request), start: 0, count: Self.maxModelLength - cut, enter)
      spans.close(enter)
      return spans.spans
    }
    var found = HybridMemory.Found()
    memory.lookUp(request, length: length, &found)
    try comparison.integer("hit", found.tokens)
    try comparison.integer("junction", memory.junction(of: request))
    let tokens = Int(try record.integer32("n", atLeast: 1))
    let fits = memory.canBegin(
      request, with: found, whole: 0, inFlight: 0, total: found.tokens + tokens, sparing: 0)
    try comparison.compare("ok", try record.boolean("ok"), fits)
    guard fits else { return memory.forget(request) }
    memory.begin(request, with: found, finalTokens: Self.maxModelLength)
    running.append(request)
    lengths[request] = (length, found.tokens)
    compute(tokens, of: request)
  }

  private mutating func go(on request: Int, _ comparison: StepComparison) throws {
    let record = comparison.record
    guard let (length, computed) = lengths[request], let victim = running.last else {
      throw record.failure("`r\(request)` does not run")
    }
    if computed == length { lengths[request]?.tokens += 1 }
    let tokens = Int(try record.integer32("n", atLeast: 1))
    memory.dropSkipped(request)
    let fits = memory.canExtend(request, by: tokens)
    try comparison.compare("ok", try record.boolean("ok"), fits)
    if fits { return compute(tokens, of: request) }
    try comparison.compare("preempt", try record.string("preempt"), "r\(victim)")
    leave(victim)
  }

  private mutating func compute(_ tokens: Int, of request: Int) {
    var evicted: [BlockID] = []
    memory.extend(request, by: tokens, evicted: &evicted)
    memory.cacheFullBlocks(of: request)
    lengths[request]?.computed += tokens
  }

  private mutating func leave(_ request: Int) {
    memory.free(request)
    memory.forget(request)
    running.removeAll { $0 == request }
    lengths[request] = nil
  }
}

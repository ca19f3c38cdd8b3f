import KVMemory
import Serving
import SimulationKernel
import Workload

/// A step trace of SGLang's scheduler, read and checked but not replayed.
struct SGLangGolden {
  static let target = "sglang-0.5.23"
  private static let headerFields: Set<String> = [
    "kind", "target", "case", "note", "full", "page_size", "pool_tokens", "context_len",
    "chunked_prefill_size", "max_prefill_tokens", "max_running_requests", "prefill_max_requests",
    "policy", "mixed_chunk", "radix_cache", "conservativeness", "overlap", "priority_scheduling",
    "low_priority_first", "preemption_threshold", "disable_preemption", "retraction_policy",
    "eviction_policy", "ratio_init", "ratio_min", "ratio_decay", "max_req_len",
  ]
  private static let requestFields: Set<String> = [
    "kind", "id", "arrival_step", "max_new_tokens", "clipped_max_new_tokens", "output_tokens",
    "ignore_eos", "prompt_tokens", "prompt", "priority",
  ]
  private static let stepFields: Set<String> = [
    "kind", "t", "arrive", "type", "batch", "n_batch", "batch_crc", "tokens", "admit", "retract",
    "preempt", "n_evicted", "evicted", "evicted_crc", "free_sched", "finished", "chunked", "ratio",
    "free", "evictable", "protected", "running", "waiting", "nq", "q_crc",
  ]
  private static let summaryFields: Set<String> = [
    "kind", "steps", "prefill", "decode", "mixed", "retractions", "preemptions", "hit_tokens",
    "evicted_tokens", "finished", "aborted",
  ]

  let name: String
  /// Whether steps list batches, queues and evictions; else they have checksums of them.
  let isFull: Bool
  let header: GoldenRecord
  let settings: EngineSettings
  private(set) var requests: [Request] = []
  private(set) var asks: [SGLangAsk] = []
  /// What the engine makes of each request's most tokens.
  private(set) var clipped: [Int] = []
  private(set) var contents = PromptContents()
  /// Requests in the order in which they arrive, each with its step.
  private(set) var arrivals: [(step: Int, request: RequestID)] = []
  /// What the record calls each request.
  private(set) var names: [String] = []
  private var indices: [String: Int] = [:]
  private(set) var steps: [GoldenRecord] = []
  let summary: GoldenRecord

  /// Whether a header is one of ours.
  ///
  /// - Throws: ``UserError`` if it is of a release that this reader does not know.
  static func recognizes(_ header: GoldenRecord) throws -> Bool {
    guard header.has("target") else { return false }
    let found = try header.string("target")
    guard found.hasPrefix("sglang") else { return false }
    guard found == target else {
      throw header.failure("unknown target `\(found)`, this reader knows `\(target)`")
    }
    return true
  }

  /// Reads all records: the header, requests, steps in order of time, the summary.
  ///
  /// - Throws: ``UserError`` with file and line.
  init(_ golden: GoldenFile) throws {
    header = golden.header
    name = try header.string("case")
    isFull = try header.boolean("full")
    settings = try Self.settings(header)
    guard let last = golden.records.last, try last.string("kind") == "summary" else {
      throw golden.records[golden.records.count - 1].failure("the file ends without a `summary`")
    }
    try last.requireOnly(Self.summaryFields, kind: "summary")
    summary = last
    var time = -1
    for record in golden.records.dropFirst().dropLast() {
      switch try record.string("kind") {
      case "request":
        guard steps.isEmpty else { throw record.failure("a `request` after the first `step`") }
        try add(request: record)
      case "step":
        try record.requireOnly(Self.stepFields, kind: "step")
        let next = try record.integer("t")
        guard next > time else { throw record.failure("step \(next) out of order, after \(time)") }
        time = next
        steps.append(record)
      case let other: throw record.failure("unknown kind of record `\(other)`")
      }
    }
    arrivals = arrivals.enumerated().sorted {
      ($0.element.step, $0.offset) < ($1.element.step, $1.offset)
    }.map(\.element)
  }

  /// The number of a request that a record names.
  func index(of name: String, in record: GoldenRecord) throws -> Int {
    guard let index = indices[name] else { throw record.failure("unknown request `\(name)`") }
    return index
  }

  private mutating func add(request record: GoldenRecord) throws {
    try record.requireOnly(Self.requestFields, kind: "request")
    let id = try record.string("id")
    guard indices[id] == nil else { throw record.failure("request `\(id)` is there twice") }
    let pieces = try record.promptPieces()
    let promptTokens = try record.integer32("prompt_tokens", atLeast: 1)
    let described = pieces.reduce(0) { $0 + Int($1.count) }
    guard described == Int(promptTokens) else {
      throw record.failure("`prompt` has \(described) tokens, `prompt_tokens` is \(promptTokens)")
    }
    indices[id] = names.count
    arrivals.append((try record.count("arrival_step", atLeast: 0), RequestID(names.count)))
    names.append(id)
    contents.append(pieces)
    clipped.append(try record.integer("clipped_max_new_tokens"))
    asks.append(
      SGLangAsk(
        maxNewTokens: try record.integer32("max_new_tokens", atLeast: 0),
        ignoresEOS: try record.boolean("ignore_eos"),
        priority: record.has("priority") ? try record.integer("priority") : nil))
    requests.append(
      Request(
        arrival: .zero, promptTokens: promptTokens,
        outputTokens: try record.integer32("output_tokens", atLeast: 1)))
  }

  /// The engine that the header describes; what we do not simulate is refused.
  private static func settings(_ header: GoldenRecord) throws -> EngineSettings {
    try header.requireOnly(headerFields, kind: "header")
    let page = try header.count("page_size", atLeast: 1)
    let pool = try header.count("pool_tokens", atLeast: page)
    guard pool % page == 0 else {
      throw header.failure("`pool_tokens` \(pool) are no whole pages of \(page)")
    }
    let chunk = try header.integer("chunked_prefill_size")
    var settings = EngineSettings(
      blockSize: page, deviceBlocks: pool / page,
      maxSequences: try header.count("max_running_requests", atLeast: 1),
      maxBatchedTokens: chunk == -1 ? 1 : try header.count("chunked_prefill_size", atLeast: 1),
      maxModelLength: try header.count("context_len", atLeast: 1))
    var options = SGLangOptions()
    options.chunkedPrefill = chunk != -1
    options.maxPrefillTokens = try header.count("max_prefill_tokens", atLeast: 1)
    if header.has("prefill_max_requests") {
      options.prefillMaxRequests = try header.count("prefill_max_requests", atLeast: 1)
    }
    options.policy = try header.choice("policy", of: SGLangPolicy.self)
    guard options.policy != .random else {
      throw header.failure("`policy` is `random`, whose draws are the engine's own")
    }
    options.mixedChunk = try header.boolean("mixed_chunk")
    options.radixCache = try header.boolean("radix_cache")
    options.conservativeness = try header.double("conservativeness")
    options.overlap = try header.boolean("overlap")
    options.priorityScheduling = try header.boolean("priority_scheduling")
    options.lowPriorityFirst = try header.boolean("low_priority_first")
    options.preemptionThreshold = try header.integer("preemption_threshold")
    options.disablePreemption = try header.boolean("disable_preemption")
    options.retraction = try header.choice("retraction_policy", of: SGLangRetraction.self)
    let eviction = try header.string("eviction_policy")
    guard eviction == "lru" else {
      throw header.failure("`eviction_policy` is `\(eviction)`, only `lru` is simulated")
    }
    settings.sglang = options
    return settings
  }
}

extension GoldenRecord {
  /// Refuses fields that nothing compares, in a record whose `kind` says what it is.
  fileprivate func requireOnly(_ known: Set<String>, kind: String) throws {
    try requireOnly(known, in: kind)
  }

  fileprivate func choice<Value: CaseIterable & RawRepresentable>(
    _ key: String, of type: Value.Type
  ) throws -> Value where Value.RawValue == String {
    let text = try string(key)
    guard let value = Value(rawValue: text) else {
      let known = Value.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
      throw failure("unknown `\(key)` `\(text)`, this reader knows \(known)")
    }
    return value
  }
}

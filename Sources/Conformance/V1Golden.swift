import KVMemory
import Serving
import SimulationKernel
import Workload

/// A step trace of vLLM's V1 engine, read and checked but not replayed.
struct V1Golden {
  static let format = "vllm-golden/1"
  static let headerFields: Set<String> = [
    "type", "format", "target", "case", "engine", "engine_version", "long_prefill_token_threshold",
    "chunked_prefill", "policy", "watermark", "reserve_full_isl", "block_size", "num_gpu_blocks",
    "max_num_seqs", "max_num_batched_tokens", "max_model_len", "prefix_caching", "watermark_blocks",
    "null_block", "num_cpu_blocks", "preemption", "async_scheduling", "token_formula", "note",
  ]
  static let requestFields: Set<String> = [
    "type", "id", "arrival_step", "output_tokens", "prompt_tokens", "prompt", "priority",
  ]
  static let stepFields: Set<String> = [
    "type", "t", "arrive", "sched", "tokens", "admit", "preempt", "evicted", "free_sched", "tables",
    "tables_crc", "finished", "free", "running", "waiting", "free_queue", "hashed_blocks",
    "n_hashed", "nq", "q_crc", "free_queue_crc",
  ]
  static let summaryFields: Set<String> = [
    "type", "steps", "finished", "preemptions", "tokens_scheduled", "cache_hit_tokens", "evictions",
  ]

  let name: String
  let settings: EngineSettings
  /// The groups of layers that a recording of the hybrid manager names; `nil` in those of one group.
  let groups: [BlockGroup]?
  /// The KV connector of the engine; `nil` for none.
  let connector: V1Connector?
  /// By request, what its recording has of keys and values elsewhere.
  private(set) var remoteWork: [V1RemoteWork] = []
  private(set) var requests: [Request] = []
  private(set) var contents = PromptContents()
  private(set) var traits = RequestTraits()
  /// The step at which each request arrives; never falls.
  private(set) var arrivals: [Int] = []
  /// What the record calls each request.
  private(set) var names: [String] = []
  private var indices: [String: Int] = [:]
  private(set) var steps: [GoldenRecord] = []
  private(set) var summary: GoldenRecord?

  /// Whether a header is one of ours.
  ///
  /// - Throws: ``UserError`` if it is of a format that this reader does not know.
  static func recognizes(_ header: GoldenRecord) throws -> Bool {
    guard header.has("target"), try header.string("target") == "v1" else { return false }
    let found = try header.string("format")
    guard found == format else {
      throw header.failure("unknown format `\(found)`, this reader knows `\(format)`")
    }
    return true
  }

  /// Reads all records: the header, requests in order of arrival, steps in order of time, the
  /// summary.
  ///
  /// - Throws: ``UserError`` with file and line.
  init(_ golden: GoldenFile) throws {
    name = try golden.header.string("case")
    let header = golden.header
    groups = try Self.hasGroups(header) ? Self.groups(header) : nil
    settings = try groups.map { try Self.settings(header, of: $0) } ?? Self.settings(header)
    connector = try header.has("connector") ? V1Connector(header) : nil
    let stepFields = groups == nil ? Self.stepFields : Self.groupedStepFields
    let summaryFields = groups == nil ? Self.summaryFields : Self.groupedSummaryFields
    var time = -1
    var requests: [GoldenRecord] = []
    for record in golden.records.dropFirst() {
      guard summary == nil else { throw record.failure("a record after the `summary`") }
      switch try record.string("type") {
      case "request":
        guard steps.isEmpty else { throw record.failure("a `request` after the first `step`") }
        requests.append(record)
      case "step":
        try record.requireOnly(stepFields)
        let next = try record.integer("t")
        guard next > time else { throw record.failure("step \(next) out of order, after \(time)") }
        time = next
        steps.append(record)
      case "summary":
        try record.requireOnly(summaryFields)
        summary = record
      case let other: throw record.failure("unknown record type `\(other)`")
      }
    }
    guard summary != nil else {
      throw golden.records[golden.records.count - 1].failure("the file ends without a `summary`")
    }
    try add(requests)
  }

  /// The number of a request that a record names.
  func index(of name: String, in record: GoldenRecord) throws -> Int {
    guard let index = indices[name] else { throw record.failure("unknown request `\(name)`") }
    return index
  }

  /// Adds the requests in order of arrival. Records with groups may stand in another order, and those that prompts
  /// quote are counted as they stand.
  private mutating func add(_ records: [GoldenRecord]) throws {
    let steps = try records.map { try $0.integer("arrival_step") }
    let order =
      groups == nil
      ? Array(records.indices) : records.indices.sorted { (steps[$0], $0) < (steps[$1], $1) }
    var places = order
    for (place, record) in order.enumerated() { places[record] = place }
    var keys: [ServiceOrder.Key] = []
    for record in order {
      try add(request: records[record], places: places)
      keys.append(try Self.serviceKey(records[record], arrival: keys.count))
      try Self.addTraits(records[record], to: &traits)
      remoteWork.append(try V1RemoteWork(records[record]))
    }
    traits.order = ServiceOrder(keys)
  }

  private static func serviceKey(_ record: GoldenRecord, arrival: Int) throws -> ServiceOrder.Key {
    ServiceOrder.Key(
      priority: record.has("priority") ? try record.integer32("priority", atLeast: .min) : 0,
      arrival: record.has("arrival_time") ? try record.double("arrival_time") : Double(arrival),
      name: try record.string("id"))
  }

  private mutating func add(request record: GoldenRecord, places: [Int]) throws {
    try record.requireOnly(groups == nil ? Self.requestFields : Self.groupedRequestFields)
    let id = try record.string("id")
    guard indices[id] == nil else { throw record.failure("request `\(id)` is there twice") }
    let arrival = try record.integer("arrival_step")
    guard arrival >= arrivals.last ?? 0 else {
      throw record.failure(
        "request `\(id)` out of order: it arrives at step \(arrival), the one before it at "
          + "\(arrivals.last ?? 0)")
    }
    let pieces = try record.promptPieces(places: places)
    let promptTokens = try record.integer32("prompt_tokens", atLeast: 1)
    let described = pieces.reduce(0) { $0 + Int($1.count) }
    guard described == Int(promptTokens) else {
      throw record.failure("`prompt` has \(described) tokens, `prompt_tokens` is \(promptTokens)")
    }
    indices[id] = names.count
    names.append(id)
    arrivals.append(arrival)
    contents.append(pieces)
    requests.append(
      Request(
        arrival: SimInstant(nanoseconds: Int64(arrival)), promptTokens: promptTokens,
        outputTokens: try record.integer32("output_tokens", atLeast: 1)))
  }
}

extension V1Golden {
  /// The engine that the header describes; what we do not simulate is refused.
  static func settings(_ header: GoldenRecord) throws -> EngineSettings {
    try header.requireOnly(headerFields)
    try header.require("engine", is: "vllm")
    try header.require("preemption", is: "recompute")
    try header.require("null_block", is: 0)
    try header.require("num_cpu_blocks", is: 0)
    guard try !header.boolean("async_scheduling") else {
      throw header.failure("asynchronous scheduling is not simulated")
    }
    guard try header.string("token_formula").hasPrefix("token(stream,i)=stream*100000+i") else {
      throw header.failure("unknown `token_formula`")
    }
    var settings = try sizes(header)
    let version = try header.string("engine_version")
    let isOld = version.hasPrefix("0.10.")
    guard isOld || version.hasPrefix("0.33.") else {
      throw header.failure("unknown `engine_version` \(version), this reader knows 0.10 and 0.33")
    }
    settings.v1 = V1Options(isOld ? .v010 : .v033)
    try readOptions(header, into: &settings)
    return settings
  }

  static func sizes(_ header: GoldenRecord) throws -> EngineSettings {
    EngineSettings(
      blockSize: Int(try header.integer32("block_size", atLeast: 1)),
      deviceBlocks: Int(try header.integer32("num_gpu_blocks", atLeast: 1)),
      maxSequences: Int(try header.integer32("max_num_seqs", atLeast: 1)),
      maxBatchedTokens: Int(try header.integer32("max_num_batched_tokens", atLeast: 1)),
      maxModelLength: Int(try header.integer32("max_model_len", atLeast: 1)))
  }

  /// Reads what the release does not decide: it says alone where given-up blocks queue.
  static func readOptions(_ header: GoldenRecord, into settings: inout EngineSettings) throws {
    settings.v1.prefixCaching = try header.boolean("prefix_caching")
    settings.v1.chunkedPrefill = try header.boolean("chunked_prefill")
    settings.v1.longPrefillTokenThreshold =
      Int(try header.integer32("long_prefill_token_threshold", atLeast: 0))
    settings.v1.watermarkFraction = try header.double("watermark")
    guard (0...1).contains(settings.v1.watermarkFraction) else {
      throw header.failure("`watermark` must be between 0 and 1")
    }
    if header.has("reserve_full_isl") || settings.v1.reserveFullISL {
      settings.v1.reserveFullISL = try header.boolean("reserve_full_isl")
    }
    guard let policy = SchedulingPolicy(rawValue: try header.string("policy")) else {
      throw header.failure("unknown `policy` `\(try header.string("policy"))`")
    }
    settings.v1.policy = policy
    let watermark = try header.integer("watermark_blocks")
    let floor = settings.v1.watermarkBlocks(of: settings.deviceBlocks)
    guard watermark == floor else {
      throw header.failure(
        "`watermark_blocks` is \(watermark), but `watermark` leaves \(floor) of "
          + "\(settings.deviceBlocks)")
    }
  }
}

extension GoldenRecord {
  /// An integer of at least `minimum` that fits into 32 bits.
  func integer32(_ key: String, atLeast minimum: Int32) throws -> Int32 {
    let value = try integer(key)
    guard value >= Int(minimum), let short = Int32(exactly: value) else {
      throw failure("`\(key)` is \(value), out of range")
    }
    return short
  }

  fileprivate func require(_ key: String, is wanted: String) throws {
    let found = try string(key)
    guard found == wanted else {
      throw failure("`\(key)` is `\(found)`, only `\(wanted)` is simulated")
    }
  }

  fileprivate func require(_ key: String, is wanted: Int) throws {
    let found = try integer(key)
    guard found == wanted else {
      throw failure("`\(key)` is \(found), only \(wanted) is simulated")
    }
  }
}

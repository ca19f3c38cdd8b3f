import KVMemory
import Messages
import Serving

/// The header of a recording with groups of layers: format 2 of vLLM 0.33.
extension V1Golden {
  private static let groupedTarget = "vllm-0.33.0-v1"
  private static let groupedHeaderFields: Set<String> = [
    "type", "format", "target", "case", "notes", "scheduler", "num_gpu_blocks", "groups",
    "block_size", "hash_block_size", "max_num_seqs", "max_num_batched_tokens", "max_model_len",
    "prefix_caching", "chunked_prefill", "long_prefill_token_threshold", "policy", "watermark",
    "watermark_blocks", "reserve_full_isl", "retention_interval", "max_in_flight_tokens", "small",
    "max_loras", "spec", "connector",
  ]
  static let groupedRequestFields = requestFields.union([
    "arrival_time", "lora", "accept", "draft_len", "kv",
  ])
  static let groupedStepFields: Set<String> = [
    "type", "t", "arrive", "sched", "tokens", "admit", "preempt", "evicted", "free_sched", "tables",
    "tables_crc", "computed", "finished", "free", "nq", "q_crc", "free_queue_crc", "n_hashed",
    "hashed_crc", "running", "waiting", "free_queue", "hashed_blocks", "upd", "spec", "pad",
    "load", "loads", "stores", "flush", "fin_seen", "recv", "done", "sent", "delayed",
    "invalid_blocks", "failed_recv", "kv_holding", "cpu", "cpu_crc",
  ]
  static let groupedSummaryFields: Set<String> = [
    "type", "steps", "finished", "preemptions", "scheduled_tokens", "hit_tokens", "evictions",
    "external_tokens",
  ]

  static func hasGroups(_ header: GoldenRecord) throws -> Bool {
    guard header.has("target"), try header.string("target") == groupedTarget else { return false }
    let found = try header.integer("format")
    guard found == 2 else {
      throw header.failure("unknown format \(found), this reader knows 2")
    }
    return true
  }

  static func groups(_ header: GoldenRecord) throws -> [BlockGroup] {
    guard let groups = header.fields["groups"] as? [[String: Any]], !groups.isEmpty else {
      throw header.failure("`groups` must be a list of objects")
    }
    return try groups.map { fields in
      let group = GoldenRecord(header, fields)
      return BlockGroup(
        keeps: try kind(group),
        blockTokens: Int(try group.integer32("block_size", atLeast: 1)))
    }
  }

  private static func kind(_ group: GoldenRecord) throws -> KVGroupKind {
    switch try group.string("kind") {
    case "full": return .all
    case "swa": return .window(tokens: Int(try group.integer32("window", atLeast: 1)))
    case "chunked": return .chunk(tokens: Int(try group.integer32("chunk", atLeast: 1)))
    case "mamba":
      let drafts = Int(try group.integer32("spec_blocks", atLeast: 0))
      guard try group.string("mode") == "align" else {
        return .state(blocks: 1 + drafts, drafts: drafts)
      }
      let checkpoints = Int(try group.integer32("checkpoint_blocks", atLeast: 0))
      return .state(
        blocks: 2 + checkpoints + drafts,
        checkpointAlignment: checkpoints == 0
          ? nil : Int(try group.integer32("checkpoint_alignment", atLeast: 1)),
        drafts: drafts)
    case let other: throw group.failure("unknown `kind` `\(other)` of a group")
    }
  }

  static func settings(_ header: GoldenRecord, of groups: [BlockGroup]) throws -> EngineSettings {
    try header.requireOnly(groupedHeaderFields)
    var settings = try sizes(header)
    settings.v1 = V1Options(.v033)
    settings.v1.isAsynchronous = try isAsynchronous(header)
    settings.v1.speculation = try speculation(header)
    try readOptions(header, into: &settings)
    settings.v1.groups = groups
    if header.has("max_loras") {
      settings.v1.adaptersMax = Int(try header.integer32("max_loras", atLeast: 1))
    }
    if !header.has("retention_interval") {
      settings.v1.retention = .dense
    } else {
      let interval = Int(try header.integer32("retention_interval", atLeast: 0))
      settings.v1.retention = interval == 0 ? .boundaries : .every(tokens: interval)
    }
    return settings
  }

  private static func isAsynchronous(_ header: GoldenRecord) throws -> Bool {
    let scheduler = try header.string("scheduler")
    guard let batches = ["Scheduler": 1, "AsyncScheduler": 2][scheduler] else {
      throw header.failure("unknown `scheduler` `\(scheduler)`")
    }
    let tokens = try header.integer("max_num_batched_tokens") * batches
    let inFlight = try header.integer("max_in_flight_tokens")
    guard inFlight == tokens else {
      throw header.failure(
        "`max_in_flight_tokens` is \(inFlight), but `\(scheduler)` has \(tokens) in flight")
    }
    return batches == 2
  }

  private static func speculation(
    _ header: GoldenRecord
  ) throws -> Speculation? {
    guard header.has("spec") else { return nil }
    let spec = GoldenRecord(header, try header.value("spec", as: [String: Any].self, "an object"))
    try spec.requireOnly(
      ["method", "k", "lookahead_slots", "draft_slots", "block_drop", "hash_lookahead"],
      in: "spec")
    var speculation = Speculation(draftTokens: Int(try spec.integer32("k", atLeast: 1)))
    speculation.lookaheadSlots = Int(try spec.integer32("lookahead_slots", atLeast: 0))
    speculation.draftSlots = Int(try spec.integer32("draft_slots", atLeast: 0))
    speculation.caching.dropsLastHit = try spec.boolean("block_drop")
    let lookahead = Int(try spec.integer32("hash_lookahead", atLeast: 0))
    guard lookahead <= 1 else {
      throw spec.failure("`hash_lookahead` is \(lookahead), only 0 and 1 are simulated")
    }
    speculation.caching.keyLookahead = lookahead
    let kinds = (header.fields["groups"] as? [[String: Any]])?.map { $0["kind"] as? String }
    if speculation.caching.dropsLastHit, kinds?.contains("chunked") == true {
      throw spec.failure("`block_drop` with a group of kind `chunked`, which vLLM refuses")
    }
    return speculation
  }

  /// Takes over what the record of the next request says beside its prompt and its output.
  static func addTraits(_ record: GoldenRecord, to traits: inout RequestTraits) throws {
    traits.drafts.accepted.append(try shortIntegers("accept", record))
    traits.drafts.proposed.append(try shortIntegers("draft_len", record))
    traits.adapters.append(record.has("lora") ? try record.integer32("lora", atLeast: 0) : 0)
  }

  private static func shortIntegers(_ key: String, _ record: GoldenRecord) throws -> [Int32] {
    try record.integers(key).map { value in
      guard value >= 0, let short = Int32(exactly: value) else {
        throw record.failure("`\(key)` has \(value), out of range")
      }
      return short
    }
  }
}

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
    "max_loras",
  ]
  static let groupedRequestFields = requestFields.union(["arrival_time", "lora"])
  static let groupedStepFields: Set<String> = [
    "type", "t", "arrive", "sched", "tokens", "admit", "preempt", "evicted", "free_sched", "tables",
    "tables_crc", "computed", "finished", "free", "nq", "q_crc", "free_queue_crc", "n_hashed",
    "hashed_crc", "running", "waiting", "free_queue", "hashed_blocks",
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
      guard try group.integer("spec_blocks") == 0 else {
        throw group.failure("speculation is not simulated")
      }
      guard try group.string("mode") == "align" else { return .state }
      let checkpoints = Int(try group.integer32("checkpoint_blocks", atLeast: 0))
      return .state(
        blocks: 2 + checkpoints,
        checkpointAlignment: checkpoints == 0
          ? nil : Int(try group.integer32("checkpoint_alignment", atLeast: 1)))
    case let other: throw group.failure("unknown `kind` `\(other)` of a group")
    }
  }

  static func settings(_ header: GoldenRecord, of groups: [BlockGroup]) throws -> EngineSettings {
    if header.has("spec") { throw header.failure("speculation is not simulated") }
    if header.has("connector") { throw header.failure("KV connectors are not simulated") }
    try header.requireOnly(groupedHeaderFields)
    guard try header.string("scheduler") == "Scheduler" else {
      throw header.failure("asynchronous scheduling is not simulated")
    }
    var settings = try sizes(header)
    settings.v1 = V1Options(.v033)
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

  /// Takes over what the record of the next request says beside its prompt and its output.
  static func addTraits(_ record: GoldenRecord, to traits: inout RequestTraits) throws {
    traits.adapters.append(record.has("lora") ? try record.integer32("lora", atLeast: 0) : 0)
  }
}

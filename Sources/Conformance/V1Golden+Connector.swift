import KVMemory
import Messages
import Serving

/// The KV connector that the header of a recording describes.
struct V1Connector {
  /// `nil` for prefill and decode apart.
  var offloading: OffloadingConnector.Options?
  var defersFrees: Bool
  /// Steps from the one after a store was issued to the one that reports it, and from the one of an asynchronous load.
  var storeLatency = 0
  var loadLatency = 0

  private static let fields: Set<String> = [
    "kind", "role", "requires_kv_delivery", "defer_block_free",
  ]
  private static let offloadFields = fields.subtracting(["role", "requires_kv_delivery"]).union([
    "policy", "num_chunks", "blocks_per_chunk", "tokens_per_hash", "store_threshold",
    "max_tracker_size", "offload_prompt_only", "alignment_tokens", "windows_in_chunks",
    "sync_load_budget_bytes", "kv_bytes_per_token", "store_latency", "load_latency", "role",
    "requires_kv_delivery",
  ])

  init(_ header: GoldenRecord) throws {
    let connector = GoldenRecord(
      header, try header.value("connector", as: [String: Any].self, "an object"))
    defersFrees = try connector.boolean("defer_block_free")
    switch try connector.string("kind") {
    case "pd": try connector.requireOnly(Self.fields, in: "connector")
    case "offload":
      try connector.requireOnly(Self.offloadFields, in: "connector")
      storeLatency = try connector.count("store_latency", atLeast: 0)
      loadLatency = try connector.count("load_latency", atLeast: 0)
      offloading = try Self.options(connector, prefixCaching: header.boolean("prefix_caching"))
      offloading?.defersFrees = defersFrees
    case let other: throw connector.failure("unknown `kind` `\(other)` of a connector")
    }
  }

  private static func options(
    _ connector: GoldenRecord, prefixCaching: Bool
  ) throws -> OffloadingConnector.Options {
    guard let policy = ChunkPolicy(rawValue: try connector.string("policy")) else {
      throw connector.failure("unknown `policy` `\(try connector.string("policy"))` of a tier")
    }
    var options = OffloadingConnector.Options()
    options.policy = policy
    options.chunks = try connector.count("num_chunks", atLeast: 1)
    options.blocksPerChunk = try connector.count("blocks_per_chunk", atLeast: 1)
    options.storeThreshold = try connector.count("store_threshold", atLeast: 0)
    options.trackedMax = try connector.count("max_tracker_size", atLeast: 1)
    options.promptsOnly = try connector.boolean("offload_prompt_only")
    options.synchronousBytes = try connector.count("sync_load_budget_bytes", atLeast: 0)
    options.bytesPerToken = try connector.count("kv_bytes_per_token", atLeast: 0)
    options.waitsForLoads = prefixCaching
    options.alignmentTokens = try connector.count("alignment_tokens", atLeast: 1)
    return options
  }
}

/// What a recording says of a request's keys and values in another engine, and when a worker reports them.
struct V1RemoteWork {
  var request = RemoteKVConnector.Request()
  /// Steps until its tokens have come.
  var receiveAfter = 0
  /// The first entry of its table whose block does not come.
  var failsFrom: Int?
  var failsWhole = false
  /// Steps from the one after it is complete until its blocks are sent.
  var sendAfter = 0

  init(_ record: GoldenRecord) throws {
    guard record.has("kv") else { return }
    let kv = GoldenRecord(record, try record.value("kv", as: [String: Any].self, "an object"))
    try kv.requireOnly(
      ["remote", "recv_after", "async", "defer", "fail_block", "fail_all", "send"], in: "kv")
    func count(_ key: String) throws -> Int { try kv.has(key) ? kv.count(key, atLeast: 0) : 0 }
    request.remoteTokens = try count("remote")
    request.unknownTimes = try count("defer")
    request.isAsynchronous = try kv.has("async") ? kv.boolean("async") : true
    request.isSent = kv.has("send")
    receiveAfter = try count("recv_after")
    sendAfter = try count("send")
    failsFrom = kv.has("fail_block") ? try count("fail_block") : nil
    failsWhole = try kv.has("fail_all") && kv.boolean("fail_all")
    let prompt = try record.integer("prompt_tokens")
    guard request.isAsynchronous ? request.remoteTokens <= prompt : request.remoteTokens < prompt
    else {
      throw kv.failure(
        "`remote` is \(request.remoteTokens) of a prompt of \(prompt) tokens"
          + (request.isAsynchronous ? "" : ", which leaves nothing to compute"))
    }
  }
}

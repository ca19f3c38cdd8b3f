import CostModel
import Foundation
import KVMemory
import Messages
import TraceFiles

/// What vLLM's V1 engine made of models' caches when it started: a list of configurations, each with the caches of a
/// model, the memory for them, and the groups and blocks that came out.
struct V1SizingGolden {
  /// Releases that were recorded.
  static let minorRelease = 33

  let name: String
  let configurations: [V1SizingConfiguration]

  /// Whether the file is a JSON list; other goldens begin with an object.
  static func recognizes(path: String) throws -> Bool {
    guard path.hasSuffix(".json") || path.hasSuffix(".json.gz") else { return false }
    let blanks = " \t\r\n".utf8
    return try UnpackedFile(path: path, kind: "golden").bytes.first { !blanks.contains($0) }
      == UInt8(ascii: "[")
  }

  /// - Throws: ``UserError`` for a file that cannot be read, is no list of objects, or has a field that nothing
  ///   compares; its line is the number of the configuration.
  init(path: String) throws {
    let file = try UnpackedFile(path: path, kind: "golden")
    guard file.mistake == nil,
      let list = try? JSONSerialization.jsonObject(with: Data(file.bytes)) as? [[String: Any]],
      !list.isEmpty
    else { throw UserError("\(path): not a list of sizing records (is the file cut off?)") }
    name = URL(filePath: path).deletingPathExtension().lastPathComponent
    configurations = try list.enumerated().map { index, fields in
      try V1SizingConfiguration(GoldenRecord(file: path, line: index + 1, fields: fields))
    }
  }

  /// Whether our groups and blocks are those of every configuration.
  func report() throws -> ConformanceReport {
    var report = ConformanceReport(
      caseName: name, steps: configurations.count, unit: .configuration, outcome: .passes)
    do {
      for (index, configuration) in configurations.enumerated() {
        try configuration.compare(number: index + 1)
      }
    } catch let divergence as Divergence {
      report.outcome = .diverges(divergence)
      report.steps = divergence.step
    }
    return report
  }
}

extension GoldenRecord {
  init(file: String, line: Int, fields: [String: Any]) {
    self.file = file
    self.line = line
    self.fields = fields
  }

  /// A record inside.
  fileprivate func record(_ fields: [String: Any]) -> GoldenRecord {
    GoldenRecord(file: file, line: line, fields: fields)
  }

  func record(_ key: String) throws -> GoldenRecord {
    record(try value(key, as: [String: Any].self, "an object"))
  }

  /// The records of a list; none where there is no such field.
  func records(_ key: String) throws -> [GoldenRecord] {
    guard has(key) else { return [] }
    return try value(key, as: [[String: Any]].self, "a list of objects").map(record)
  }
}

/// One configuration, read and checked.
struct V1SizingConfiguration {
  static let fields: Set<String> = [
    "name", "notes", "kinds", "layers", "block_size", "max_model_len", "max_num_batched_tokens",
    "concurrent_batches", "max_in_flight_tokens", "layout", "prefix_caching", "hybrid_manager",
    "available_memory", "autofit", "num_gpu_blocks_override", "hybrid_alignment",
    "declared_checkpoint_alignment", "spec_k", "result",
  ]
  static let resultFields: Set<String> = [
    "groups", "num_blocks", "bytes_per_block", "max_model_len", "scheduler_block_size",
    "hash_block_size", "blocks_per_max_len_request", "max_concurrency", "kv_cache_size_tokens",
    "error", "estimated_max_model_len", "text",
  ]

  let record: GoldenRecord
  let kinds: [V1SizingKind]
  /// The kind of each cache, in the order of the layers.
  let caches: [Int]

  init(_ record: GoldenRecord) throws {
    try record.requireOnly(Self.fields, in: "sizing")
    try record.record("result").requireOnly(Self.resultFields, in: "result")
    self.record = record
    kinds = try record.records("kinds").map(V1SizingKind.init)
    let count = kinds.count
    caches = try record.integerLists("layers").flatMap { run in
      guard run.count == 2, run[0] > 0, run[0] < 1 << 16, run[1] >= 0, run[1] < count else {
        throw record.failure("`layers` must be lists of a count and one of \(count) kinds")
      }
      return Array(repeating: run[1], count: run[0])
    }
    guard !caches.isEmpty else { throw record.failure("`layers` has none") }
  }

  /// The pages of the kinds, attention beside states made as wide as they are.
  ///
  /// The record has the blocks that came out; those that went in are the engine's own of 16 tokens where there are
  /// states.
  func pages() throws -> [KVLayerPage] {
    let hasStates = kinds.contains { $0.keeps.isState }
    let raw = kinds.map { kind in
      KVLayerPage(
        keeps: kind.keeps, content: kind.content,
        blockTokens: hasStates ? 16 : kind.blockTokens)
    }
    guard hasStates else { return raw }
    let cachesStates = kinds.allSatisfy { $0.mode != "none" }
    let declared =
      record.has("declared_checkpoint_alignment")
      ? try record.count("declared_checkpoint_alignment", atLeast: 1) : 1
    var unit = 16
    if cachesStates { while unit % declared != 0 { unit += 16 } }
    return raw.besideStates(
      unit: unit, modelLength: cachesStates ? nil : try record.count("max_model_len", atLeast: 1))
  }

  func rules() throws -> KVGroupRules {
    var rules = KVGroupRules(vllm: V1SizingGolden.minorRelease)
    rules.hybridManager = try record.boolean("hybrid_manager")
    let layout = try record.string("layout")
    // Layers, or blocks, outermost: L, B, tokens N, heads H, and their contents C.
    guard ["L", "B"].contains(layout.prefix(1)), layout.sorted() == "BCHLN".sorted() else {
      throw record.failure("unknown layout `\(layout)`")
    }
    rules.blockOutermost = layout.hasPrefix("B")
    return rules
  }
}

/// Caches of one kind: what they hold and keep.
struct V1SizingKind {
  static let fields: Set<String> = [
    "kind", "kv_heads", "head_size", "head_size_v", "dtype", "block_size", "page_bytes", "window",
    "chunk", "bytes_per_token_head", "page_alignment", "tokens_per_state", "draft", "shapes",
    "dtypes", "mode", "spec_blocks", "checkpoint_blocks",
  ]

  let record: GoldenRecord
  let name: String
  let keeps: KVGroupKind
  let content: KVLayerPage.Content
  /// As the engine left it.
  let blockTokens: Int
  let pageBytes: Int
  /// How states are cached.
  let mode: String?
  let isDraft: Bool

  init(_ record: GoldenRecord) throws {
    try record.requireOnly(Self.fields, in: "kinds")
    self.record = record
    name = try record.string("kind")
    blockTokens = try record.count("block_size", atLeast: 1)
    pageBytes = try record.count("page_bytes", atLeast: 1)
    isDraft = record.has("draft") ? try record.boolean("draft") : false
    guard name == "mamba" else {
      keeps = try Self.keeps(record, name)
      content = .vectors(try Self.vectors(record))
      mode = nil
      return
    }
    let mode = try record.string("mode")
    let drafts = try record.count("spec_blocks", atLeast: 0)
    switch mode {
    case "align":
      keeps = .state(blocks: 2 + drafts + (try record.count("checkpoint_blocks", atLeast: 0)))
    case "none": keeps = .state(blocks: 1 + drafts)
    default: throw record.failure("unknown mode `\(mode)` of states")
    }
    let shapes = try record.integerLists("shapes")
    let types = try record.strings("dtypes")
    guard shapes.count == types.count else {
      throw record.failure("`shapes` and `dtypes` differ in number")
    }
    content = .state(
      partBytes: try zip(shapes, types).map { shape, type in
        shape.reduce(1, *) * Int(try Self.bytes(of: type, record))
      })
    self.mode = mode
  }

  private static func keeps(_ record: GoldenRecord, _ name: String) throws -> KVGroupKind {
    switch name {
    case "full", "mla": .all
    case "swa", "swa_mla": .window(tokens: try record.count("window", atLeast: 1))
    case "chunked": .chunk(tokens: try record.count("chunk", atLeast: 1))
    default: throw record.failure("unknown kind `\(name)`")
    }
  }

  private static func vectors(_ record: GoldenRecord) throws -> KVLayerPage.Vectors {
    func optional(_ key: String) throws -> Int? {
      record.has(key) ? try record.count(key, atLeast: 1) : nil
    }
    return KVLayerPage.Vectors(
      heads: try record.count("kv_heads", atLeast: 1),
      keyWidth: try record.count("head_size", atLeast: 1),
      valueWidth: try record.count("head_size_v", atLeast: 0),
      elementBytes: try bytes(of: try record.string("dtype"), record),
      tokenBytes: try optional("bytes_per_token_head"),
      tokensPerVector: try optional("tokens_per_state") ?? 1,
      alignment: try optional("page_alignment") ?? 1)
  }

  private static func bytes(of type: String, _ record: GoldenRecord) throws -> Double {
    switch type {
    case "uint8", "int8", "fp8", "fp8_e4m3", "fp8_e5m2": 1
    case "bf16", "fp16": 2
    case "fp32": 4
    default: throw record.failure("unknown type `\(type)`")
    }
  }

  /// What the engine calls a group of such caches.
  func groupName(keepsAll: Bool) -> String {
    guard keepsAll else { return name }
    switch name {
    case "swa", "chunked": return "full"
    case "swa_mla": return "mla"
    default: return name
    }
  }
}

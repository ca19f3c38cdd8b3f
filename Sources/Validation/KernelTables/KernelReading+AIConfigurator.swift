import CostModel
import Foundation
import SimulationKernel

/// aiconfigurator's tables of one system: `gemm`, `context_attention`, `generation_attention`,
/// `custom_allreduce`, `nccl_VERSION`, and in a folder for each engine `moe`, `context_mla`, `generation_mla`, `gdn` and
/// `kda`; times in milliseconds. The folder of one engine is read by itself too.
///
/// Of the newest `nccl_*` table all-gathers and reduce-scatters are read. Its all-reduces are not: engines sum with the custom
/// kernels up to a few megabytes and NCCL beyond, and the custom table was measured through that same switch.
extension KernelReading {
  private static let millisecond = 1e-3

  mutating func readAIConfigurator() throws {
    deviceName = folderName
    if let table = try table("gemm") { try readGEMM(table) }
    if let table = try table("context_attention") { try readContext(table) }
    if let table = try table("generation_attention") { try readGeneration(table) }
    let own = KernelLibrary(rawValue: folderName)
    if own == nil, let table = try table("custom_allreduce") { try readAllReduce(table) }
    if own == nil, let name = newestNCCL, let table = try table(name) { try readGathers(table) }
    try readEngine("", own)
    for library in KernelLibrary.allCases { try readEngine("\(library.rawValue)/", library) }
  }

  /// The tables of one engine, in `folder` below this one.
  private mutating func readEngine(_ folder: String, _ library: KernelLibrary?) throws {
    if let table = try table("\(folder)moe") { try readExperts(table, library) }
    if let table = try table("\(folder)context_mla") {
      try readLatent(table, library, .latentPrefill)
    }
    if let table = try table("\(folder)generation_mla") {
      try readLatent(table, library, .latentDecode)
    }
    for rule in ModelLayer.Recurrence.Rule.allCases {
      if let table = try table("\(folder)\(rule.rawValue)") { try readRecurrent(table, rule) }
    }
  }

  /// Latent attention of DeepSeek-V3's widths; `num_heads` are those of one GPU.
  private mutating func readLatent(
    _ table: MeasurementTable, _ library: KernelLibrary?, _ kind: KernelKind
  ) throws {
    let tokens = kind == .latentPrefill ? "isl" : "step"
    try table.require(["batch_size", "num_heads", tokens, "latency_ms"])
    var unknown: Set<String> = []
    for row in 0..<table.rowCount {
      let seconds = try table.kernelSeconds("latency_ms", row, unit: Self.millisecond)
      let sequences = try table.size("batch_size", row)
      let heads = try table.size("num_heads", row)
      let count = try table.size(tokens, row)
      let cached = table.has("kv_cache_dtype") ? table.text("kv_cache_dtype", row) : "bfloat16"
      guard let elements = element(cached) else {
        unknown.insert(cached)
        continue
      }
      var op = KernelOperator(kind: kind)
      op.elements = elements
      op.library = library
      if kind == .latentDecode {
        // `step` tokens are cached, and the one computed is attended to as well.
        add(op, [sequences, heads, count + 1], seconds)
      } else if count > 1 {
        op.headDim = ModelLayer.Latent.measuredHeadDim
        add(op, [sequences, heads, heads, count, 0, 0], seconds)
      }
    }
    note(unknown, in: table)
  }

  private mutating func readGEMM(_ table: MeasurementTable) throws {
    try table.require(["gemm_dtype", "m", "n", "k", "latency_ms"])
    var unknown: Set<String> = []
    for row in 0..<table.rowCount {
      let seconds = try table.kernelSeconds("latency_ms", row, unit: Self.millisecond)
      let sizes = try ["m", "n", "k"].map { try table.size($0, row) }
      guard let elements = element(table.text("gemm_dtype", row)) else {
        unknown.insert(table.text("gemm_dtype", row))
        continue
      }
      var op = KernelOperator(kind: .gemm)
      op.elements = elements
      add(op, sizes, seconds)
    }
    note(unknown, in: table)
  }

  private mutating func readContext(_ table: MeasurementTable) throws {
    try table.require([
      "batch_size", "isl", "num_heads", "num_key_value_heads", "kv_cache_dtype", "latency_ms",
    ])
    noteConstants(table)
    var unknown: Set<String> = []
    var singleTokens = 0
    for row in 0..<table.rowCount {
      let seconds = try table.kernelSeconds("latency_ms", row, unit: Self.millisecond)
      let sequences = try table.size("batch_size", row)
      let tokens = try table.size("isl", row)
      let shape = try heads(table, row)
      guard let elements = element(table.text("kv_cache_dtype", row)) else {
        unknown.insert(table.text("kv_cache_dtype", row))
        continue
      }
      if tokens == 1 {
        singleTokens += 1
        continue
      }
      let op = attention(
        .prefillAttention, elements: elements, headDim: shape.headDim, heads: shape.heads,
        kvHeads: shape.kvHeads, window: shape.window)
      add(op, [sequences, shape.heads, shape.kvHeads, tokens, 0, shape.window], seconds)
    }
    note(unknown, in: table)
    if singleTokens > 0 {
      warnings.append(
        "\(table.path): \(singleTokens) prompts of one token are left out: they run the decode kernel"
      )
    }
  }

  private mutating func readGeneration(_ table: MeasurementTable) throws {
    try table.require([
      "batch_size", "step", "num_heads", "num_key_value_heads", "kv_cache_dtype", "latency_ms",
    ])
    noteConstants(table)
    var unknown: Set<String> = []
    for row in 0..<table.rowCount {
      let seconds = try table.kernelSeconds("latency_ms", row, unit: Self.millisecond)
      let sequences = try table.size("batch_size", row)
      let step = try table.size("step", row, atLeast: 0)
      let shape = try heads(table, row)
      guard let elements = element(table.text("kv_cache_dtype", row)) else {
        unknown.insert(table.text("kv_cache_dtype", row))
        continue
      }
      let op = attention(
        .decodeAttention, elements: elements, headDim: shape.headDim, heads: shape.heads,
        kvHeads: shape.kvHeads, window: shape.window)
      // `step` tokens are cached, and the one computed is attended to as well.
      add(op, [sequences, shape.heads, shape.kvHeads, step + 1, shape.window], seconds)
    }
    note(unknown, in: table)
  }

  private mutating func readAllReduce(_ table: MeasurementTable) throws {
    try table.require(["allreduce_dtype", "num_gpus", "message_size", "backend", "latency_ms"])
    for row in 0..<table.rowCount {
      var op = KernelOperator(kind: .allReduce)
      op.gpus = Int(try table.size("num_gpus", row, atLeast: 2))
      op.isEager = table.text("backend", row).hasSuffix("eager")
      // Message sizes count elements, of 16 bits here.
      let bytes = try table.size("message_size", row) * 2
      add(op, [bytes], try table.kernelSeconds("latency_ms", row, unit: Self.millisecond))
    }
  }

  /// The NCCL table of the highest version in the folder itself.
  private var newestNCCL: String? {
    files().compactMap { file in
      guard file.hasPrefix("nccl_"), !file.contains("/"), let end = file.range(of: ".csv")
      else { return nil }
      return String(file[..<end.lowerBound])
    }.max { $0.compare($1, options: .numeric) == .orderedAscending }
  }

  /// An all-gather and the reduce-scatter of the same tensor, one behind the other.
  private mutating func readGathers(_ table: MeasurementTable) throws {
    try table.require(["op_name", "nccl_dtype", "num_gpus", "message_size", "latency_ms"])
    struct Shape: Hashable, Comparable {
      var gpus: Int
      var elements: Int
      static func < (a: Shape, b: Shape) -> Bool { (a.gpus, a.elements) < (b.gpus, b.elements) }
    }
    var halves: [String: [Shape: Double]] = [:]
    for row in 0..<table.rowCount where table.text("nccl_dtype", row) == "half" {
      let shape = Shape(
        gpus: Int(try table.size("num_gpus", row, atLeast: 2)),
        elements: Int(try table.size("message_size", row)))
      halves[table.text("op_name", row), default: [:]][shape] = try table.kernelSeconds(
        "latency_ms", row, unit: Self.millisecond)
    }
    let scatters = halves["reduce_scatter"] ?? [:]
    var unpaired = 0
    for (shape, seconds) in (halves["all_gather"] ?? [:]).sorted(by: { $0.key < $1.key }) {
      guard let back = scatters[shape] else {
        unpaired += 1
        continue
      }
      var op = KernelOperator(kind: .gather)
      op.gpus = shape.gpus
      // Message sizes count elements of the whole tensor, of 16 bits here.
      add(op, [Double(shape.elements) * 2], seconds + back)
    }
    if unpaired > 0 {
      warnings.append(
        "\(table.path): \(unpaired) all-gathers are left out: no reduce-scatter of their size")
    }
  }

  private mutating func readExperts(_ table: MeasurementTable, _ library: KernelLibrary?) throws {
    let sizes = ["num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_ep_size"]
    try table.require(sizes + ["moe_tp_size", "distribution", "latency_ms"])
    var unknown: Set<String> = []
    for row in 0..<table.rowCount {
      let seconds = try table.kernelSeconds("latency_ms", row, unit: Self.millisecond)
      var measured = try sizes.map { try table.size($0, row) }
      measured[2] /= try table.size("moe_tp_size", row)
      guard measured[5] <= measured[4] else {
        throw table.failure(
          row, "`moe_ep_size` \(Int(measured[5])) exceeds `num_experts` \(Int(measured[4]))")
      }
      // A column with one value alone is left out of the tables.
      let type = table.has("moe_dtype") ? table.text("moe_dtype", row) : "bfloat16"
      guard let elements = MeasuredExperts.elements(type) else {
        unknown.insert(type)
        continue
      }
      guard let skew = skew(table.text("distribution", row)) else {
        unknown.insert(table.text("distribution", row))
        continue
      }
      var op = KernelOperator(kind: .experts)
      op.elements = elements
      op.library = library
      op.kernel = MeasuredExperts.name(type: type, source: table.text("kernel_source", row))
      add(op, measured + [skew], seconds)
    }
    note(unknown, in: table)
  }

  /// How unevenly tokens fall on experts: `balanced`, or `power_law_1.01`.
  private func skew(_ distribution: String) -> Double? {
    if distribution == "balanced" { return 0 }
    guard distribution.hasPrefix("power_law_"), let exponent = Double(distribution.dropFirst(10)),
      exponent > 0
    else { return nil }
    return exponent
  }

  private typealias Heads = (heads: Double, kvHeads: Double, headDim: Double, window: Double)

  private func heads(_ table: MeasurementTable, _ row: Int) throws -> Heads {
    let heads = try table.size("num_heads", row)
    let kvHeads = try table.size("num_key_value_heads", row)
    guard kvHeads <= heads else {
      throw table.failure(
        row, "`num_key_value_heads` \(Int(kvHeads)) exceeds `num_heads` \(Int(heads))")
    }
    return (
      heads, kvHeads,
      table.has("head_dim") ? try table.size("head_dim", row) : 128,
      table.has("window_size") ? try table.size("window_size", row, atLeast: 0) : 0
    )
  }

  private func element(_ name: String) -> ElementType? {
    switch name {
    case "bfloat16", "float16", "half": .bfloat16
    case "fp8": .fp8
    case "nvfp4": .nvfp4
    case "int8_wo", "int8", "w8a8": .int8
    case "int4_wo", "int4": .int4
    default: nil
    }
  }

  private mutating func note(_ unknown: Set<String>, in table: MeasurementTable) {
    for name in unknown.sorted() {
      let reason =
        name == "fp8_block"
        ? "its rows are times of the host, not of the kernel (165 µs whatever the size)"
        : "the type is not known"
      warnings.append("\(table.path): rows of type `\(name)` are left out: \(reason)")
    }
  }

  private mutating func noteConstants(_ table: MeasurementTable) {
    if !table.has("head_dim") {
      warnings.append("\(table.path): no column `head_dim`: heads are taken as 128 wide")
    }
    if !table.has("window_size") {
      warnings.append("\(table.path): no column `window_size`: attention is taken as unwindowed")
    }
  }
}

import CostModel
import Foundation
import SimulationKernel

/// LLMServingSim's profiles: folders `MODEL/tpN` below one of the device, times in microseconds.
///
/// A layer's time is that of a matrix product whose sides follow from the model's shape, or of a
/// streaming kernel whose bytes do. Of attention in mixed batches the rows without a cached context
/// of the chunk are read, and what the decoding sequences add to the chunk's own time is fitted.
extension KernelReading {
  private static let microsecond = 1e-6

  mutating func readLLMServingSim() throws {
    deviceName = folderName
    var unknownModels: [String] = []
    for path in files() where path.hasSuffix(".csv") || path.hasSuffix(".csv.gz") {
      let parts = path.split(separator: "/").map(String.init)
      guard parts.count >= 3, parts[parts.count - 2].hasPrefix("tp"),
        let tensorParallel = Int(parts[parts.count - 2].dropFirst(2))
      else { continue }
      let modelName = parts[parts.count - 3]
      guard let model = Self.model(modelName) else {
        if !unknownModels.contains(modelName) { unknownModels.append(modelName) }
        continue
      }
      let shape = LayerShape(model: model, tensorParallel: tensorParallel)
      switch parts[parts.count - 1].split(separator: ".").first {
      case "dense": try readLayers(MeasurementTable(path: "\(folder)/\(path)"), "tokens", shape)
      case "per_sequence":
        try readLayers(MeasurementTable(path: "\(folder)/\(path)"), "sequences", shape)
      case "attention": try readAttention(MeasurementTable(path: "\(folder)/\(path)"), shape)
      default: continue
      }
    }
    for name in unknownModels {
      warnings.append("`\(folder)/\(name)`: no model of that name in the catalogue: left out")
    }
  }

  /// The catalogue's model for a folder's name, which lacks the publisher.
  private static func model(_ name: String) -> ModelSpec? {
    try? ModelCatalogue.named(name).model
  }

  private mutating func readLayers(
    _ table: MeasurementTable, _ countColumn: String, _ shape: LayerShape
  ) throws {
    try table.require(["layer", countColumn, "time_us"])
    for row in 0..<table.rowCount {
      let count = try table.size(countColumn, row)
      let seconds = try table.kernelSeconds("time_us", row, unit: Self.microsecond)
      let layer = table.text("layer", row)
      if let (n, k) = shape.product(layer) {
        add(KernelOperator(kind: .gemm), [count, n, k], seconds)
      } else if let elements = shape.streamed(layer) {
        add(KernelOperator(kind: .streaming), [count * elements * 2], seconds)
      }
    }
  }

  private mutating func readAttention(_ table: MeasurementTable, _ shape: LayerShape) throws {
    try table.require(["prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"])
    func op(_ kind: KernelKind) -> KernelOperator {
      attention(
        kind, elements: .bfloat16, headDim: shape.headDim, heads: shape.heads,
        kvHeads: shape.kvHeads, window: 0)
    }
    let (prefill, decode, beside) =
      (op(.prefillAttention), op(.decodeAttention), op(.decodeBesidePrompt))
    var alone: [Double: Double] = [:]
    var mixed: [(tokens: Double, sequences: Double, context: Double, seconds: Double)] = []
    for row in 0..<table.rowCount {
      let tokens = try table.size("prefill_chunk", row, atLeast: 0)
      let context = try table.size("kv_prefill", row, atLeast: 0)
      let sequences = try table.size("n_decode", row, atLeast: 0)
      let decodeContext = try table.size("kv_decode", row, atLeast: 0)
      let seconds = try table.kernelSeconds("time_us", row, unit: Self.microsecond)
      if sequences == 0, tokens > 1 {
        add(prefill, [1, shape.heads, shape.kvHeads, tokens, context, 0], seconds)
        if context == 0 { alone[tokens] = seconds }
      } else if tokens == 0, sequences > 0 {
        add(decode, [sequences, shape.heads, shape.kvHeads, decodeContext, 0], seconds)
      } else if tokens > 1, context == 0, decodeContext > 0 {
        mixed.append((tokens, sequences, decodeContext, seconds))
      }
    }
    // A small difference of two measured times is noise.
    for row in mixed {
      guard let chunk = alone[row.tokens], row.seconds > (1 + Self.leastAdded) * chunk else {
        continue
      }
      add(
        beside, [row.sequences, shape.heads, shape.kvHeads, row.context, row.tokens],
        row.seconds - chunk)
    }
  }

  /// Share of a chunk's own time that decoding sequences have to add for the row to count.
  private static let leastAdded = 0.3
}

/// The sides of a layer's matrices on one GPU, by the names that profilers give its operators.
struct LayerShape {
  let hidden: Double
  let heads: Double
  let kvHeads: Double
  let headDim: Double
  let ffn: Double
  let vocab: Double

  init(model: ModelSpec, tensorParallel: Int) {
    let gpus = Double(tensorParallel)
    hidden = Double(model.hidden)
    heads = Double(model.heads) / gpus
    kvHeads = max(1, Double(model.kvHeads) / gpus)
    headDim = Double(model.headDim)
    ffn = Double(model.ffn) / gpus
    vocab = Double(model.vocab) / gpus
  }

  /// n and k of a matrix product; `nil` for other operators.
  func product(_ layer: String) -> (n: Double, k: Double)? {
    switch layer {
    case "qkv_proj": ((heads + 2 * kvHeads) * headDim, hidden)
    case "o_proj": (hidden, heads * headDim)
    case "gate_up_proj": (2 * ffn, hidden)
    case "down_proj": (hidden, ffn)
    case "lm_head": (vocab, hidden)
    default: nil
    }
  }

  /// Elements read and written for a token by a streaming kernel; `nil` for other operators.
  func streamed(_ layer: String) -> Double? {
    switch layer {
    case "layernorm": 4 * hidden
    case "act_fn": 3 * ffn
    case "rotary_emb", "qk_norm": 2 * (heads + kvHeads) * headDim
    default: nil
    }
  }
}

import CostModel
import SimulationKernel

/// Vidur's medians: `*_mlp.csv`, `*_attention*.csv`, `*_network.csv`, times in milliseconds with a
/// resolution of 1 µs.
extension KernelReading {
  private static let millisecond = 1e-3

  mutating func readVidur() throws {
    for path in files() where path.hasSuffix(".csv") || path.hasSuffix(".csv.gz") {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      guard let device = name.split(separator: "_").first.map(String.init) else { continue }
      if name.contains("_mlp") {
        try readLayers(MeasurementTable(path: "\(folder)/\(path)"))
      } else if name.contains("_attention") {
        try readAttention(MeasurementTable(path: "\(folder)/\(path)"))
      } else if name.contains("_network") {
        try readNetwork(MeasurementTable(path: "\(folder)/\(path)"))
      } else {
        continue
      }
      // Vidur's `a100` is the 80 GB one.
      deviceName = device == "a100" ? "a100-80gb" : device
    }
  }

  private mutating func readLayers(_ table: MeasurementTable) throws {
    try table.require([
      "n_head", "n_kv_head", "n_embd", "n_expanded_embd", "use_gated_mlp", "num_tokens",
      "num_tensor_parallel_workers", "attn_pre_proj_ms", "attn_post_proj_ms", "mlp_up_proj_ms",
      "mlp_down_proj_ms", "mlp_act_ms", "input_layernorm_ms",
    ])
    var op = KernelOperator(kind: .gemm)
    op.elements = .bfloat16
    let streaming = KernelOperator(kind: .streaming)
    for row in 0..<table.rowCount {
      let gpus = try table.number("num_tensor_parallel_workers", row, atLeast: 1)
      let tokens = try table.number("num_tokens", row, atLeast: 1)
      let hidden = try table.number("n_embd", row, atLeast: 1)
      let allHeads = try table.number("n_head", row, atLeast: 1)
      let headDim = hidden / allHeads
      let heads = allHeads / gpus
      let kvHeads = max(1, try table.number("n_kv_head", row, atLeast: 1) / gpus)
      let ffn = try table.number("n_expanded_embd", row, atLeast: 1) / gpus
      let gates = table.text("use_gated_mlp", row).lowercased() == "true" ? 2.0 : 1.0
      func time(_ column: String) throws -> Double {
        try table.kernelSeconds(column, row, unit: Self.millisecond)
      }
      add(op, [tokens, (heads + 2 * kvHeads) * headDim, hidden], try time("attn_pre_proj_ms"))
      add(op, [tokens, hidden, heads * headDim], try time("attn_post_proj_ms"))
      add(op, [tokens, gates * ffn, hidden], try time("mlp_up_proj_ms"))
      add(op, [tokens, hidden, ffn], try time("mlp_down_proj_ms"))
      add(streaming, [tokens * (gates + 1) * ffn * 2], try time("mlp_act_ms"))
      add(streaming, [tokens * 2 * hidden * 2], try time("input_layernorm_ms"))
    }
  }

  private mutating func readAttention(_ table: MeasurementTable) throws {
    try table.require([
      "attn_decode_ms", "attn_prefill_ms", "batch_size", "prefill_chunk_size", "kv_cache_size",
      "is_prefill", "n_embd", "n_q_head", "n_kv_head",
    ])
    for row in 0..<table.rowCount {
      let heads = try table.number("n_q_head", row, atLeast: 1)
      let kvHeads = try table.number("n_kv_head", row, atLeast: 1)
      let headDim = try table.number("n_embd", row, atLeast: 1) / heads
      let context = try table.number("kv_cache_size", row)
      if table.text("is_prefill", row).lowercased() == "true" {
        let tokens = try table.number("prefill_chunk_size", row, atLeast: 1)
        if tokens == 1 { continue }
        let op = attention(
          .prefillAttention, elements: .bfloat16, headDim: headDim, heads: heads,
          kvHeads: kvHeads, window: 0)
        add(
          op, [1, heads, kvHeads, tokens, context, 0],
          try table.kernelSeconds("attn_prefill_ms", row, unit: Self.millisecond))
      } else {
        let sequences = try table.number("batch_size", row, atLeast: 1)
        let op = attention(
          .decodeAttention, elements: .bfloat16, headDim: headDim, heads: heads,
          kvHeads: kvHeads, window: 0)
        add(
          op, [sequences, heads, kvHeads, context + 1, 0],
          try table.kernelSeconds("attn_decode_ms", row, unit: Self.millisecond))
      }
    }
  }

  private mutating func readNetwork(_ table: MeasurementTable) throws {
    try table.require([
      "latency_ms", "num_workers", "size_bytes", "collective", "devices_per_node",
    ])
    for row in 0..<table.rowCount where table.text("collective", row) == "all_reduce" {
      var op = KernelOperator(kind: .allReduce)
      op.gpus = Int(try table.number("num_workers", row, atLeast: 2))
      // Sums that leave a node are another operator.
      guard try table.number("devices_per_node", row, atLeast: 1) >= Double(op.gpus) else {
        continue
      }
      let bytes = try table.number("size_bytes", row, atLeast: 1)
      add(op, [bytes], try table.kernelSeconds("latency_ms", row, unit: Self.millisecond))
    }
  }
}

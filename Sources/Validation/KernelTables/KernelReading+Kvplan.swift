import CostModel
import SimulationKernel

/// Our own layout, as `tools/profile_gpu.py` writes it: one CSV for each kind of kernel, times in
/// microseconds, columns named as ``KernelKind/axes``; docs/CALIBRATION.md is its reference.
extension KernelReading {
  private static let microsecond = 1e-6

  mutating func readKvplan() throws {
    deviceName = folderName
    let files: [(name: String, kind: KernelKind)] = [
      ("gemm", .gemm), ("decode_attention", .decodeAttention),
      ("prefill_attention", .prefillAttention), ("all_reduce", .allReduce),
      ("streaming", .streaming),
    ]
    for (name, kind) in files {
      guard let table = try table(name) else { continue }
      try read(table, kind)
    }
  }

  private mutating func read(_ table: MeasurementTable, _ kind: KernelKind) throws {
    let isAttention = kind == .decodeAttention || kind == .prefillAttention
    var required = kind.axes.filter { $0 != "window" } + ["time_us"]
    if isAttention { required += ["head_dim"] }
    if kind == .allReduce { required += ["gpus"] }
    try table.require(required)
    for row in 0..<table.rowCount {
      let sizes = try kind.axes.map { axis -> Double in
        if axis == "window", !table.has(axis) { return 0 }
        return try table.size(axis, row, atLeast: axis == "window" || axis == "context" ? 0 : 1)
      }
      var op = KernelOperator(kind: kind)
      if table.has("dtype") {
        guard let elements = ElementType(rawValue: table.text("dtype", row)) else {
          let known = ElementType.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
          throw table.failure(
            row, "`dtype` must be one of \(known), found `\(table.text("dtype", row))`")
        }
        op.elements = elements
      }
      if isAttention {
        guard sizes[2] <= sizes[1] else {
          throw table.failure(row, "`kv_heads` \(Int(sizes[2])) exceeds `heads` \(Int(sizes[1]))")
        }
        op = attention(
          kind, elements: op.elements, headDim: try table.size("head_dim", row),
          heads: sizes[1], kvHeads: sizes[2], window: sizes[sizes.count - 1])
      }
      if kind == .allReduce { op.gpus = Int(try table.size("gpus", row, atLeast: 2)) }
      add(op, sizes, try table.kernelSeconds("time_us", row, unit: Self.microsecond))
    }
  }
}

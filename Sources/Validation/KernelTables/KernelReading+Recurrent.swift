import CostModel
import SimulationKernel

/// aiconfigurator's tables of layers with a state in place of keys and values: `gdn` (gated delta nets) and `kda` (Kimi's
/// delta attention), whose kernels add up to what such a layer takes beside its products; times in milliseconds.
extension KernelReading {
  mutating func readRecurrent(
    _ table: MeasurementTable, _ rule: ModelLayer.Recurrence.Rule
  ) throws {
    try table.require([
      "kernel_source", "phase", "batch_size", "seq_len", "num_k_heads", "num_v_heads", "latency_ms",
    ])
    var (verified, hosts) = (0, 0)
    for row in 0..<table.rowCount {
      let seconds = try table.kernelSeconds("latency_ms", row, unit: 1e-3)
      let source = table.text("kernel_source", row)
      let phase = table.text("phase", row)
      guard phase != "verify" else {
        verified += 1
        continue
      }
      guard phase == "context" || phase == "generation" else {
        throw table.failure(row, "`phase` must be `context` or `generation`, found `\(phase)`")
      }
      guard !source.hasSuffix("_qkv3") else {
        hosts += 1
        continue
      }
      let sequences = try table.size("batch_size", row)
      let tokens = try table.size("seq_len", row)
      let keyHeads = try table.size("num_k_heads", row)
      let heads = try table.size("num_v_heads", row)
      let isPrompt = phase == "context"
      if source.hasPrefix("causal_conv1d") {
        let columns = (2 * keyHeads + heads) * RecurrentState.headWidth
        add(op(.convolution, rule, source), [sequences, columns, isPrompt ? tokens : 1], seconds)
      } else if isPrompt {
        add(
          op(.recurrentPrefill, rule, source), [sequences, keyHeads, heads, tokens], seconds)
      } else {
        add(op(.recurrentDecode, rule, source), [sequences, keyHeads, heads], seconds)
      }
    }
    if verified > 0 {
      warnings.append(
        "\(table.path): \(verified) rows of `verify` are left out: states beside drafts have no price of their own"
      )
    }
    if hosts > 0 {
      warnings.append(
        "\(table.path): \(hosts) rows of three convolutions are left out: their times are the host's, not the kernels' "
          + "(800 µs whatever the size)")
    }
  }

  private func op(
    _ kind: KernelKind, _ rule: ModelLayer.Recurrence.Rule, _ source: String
  ) -> KernelOperator {
    var op = KernelOperator(kind: kind)
    op.kernel = "\(rule.rawValue)/\(source)"
    return op
  }
}

import SimulationKernel

/// The price of an iteration whose layers are cut into pipeline stages.
///
///     stage 0   |a|b|c|a|b|c|            the batch is cut into as many micro-batches as there are
///     stage 1     |a|b|c|a|b|c|          stages; each stage holds layers/stages, so that one
///     stage 2       |a|b|c|a|b|c|        micro-batch takes layers' time to pass them all
///
///     iteration = all layers over one micro-batch + (stages − 1) sends of its hidden states
///
/// Assumes that engines keep the pipeline full with micro-batches of equal size, as vLLM does with
/// as many batches in flight as there are stages; that stages take equally long; and that nothing
/// is sent while the same stage computes. A chunk of a prompt is never cut. Blocks are copied and
/// swapped by all stages at once.
package final class PipelineCostModel: IterationCostModel {
  private let base: any IterationCostModel
  private let stages: Int
  /// Seconds of a send, and of a token in it.
  private let sendLatency: Double
  private let tokenSeconds: Double

  /// - Parameters:
  ///   - base: The price with all layers in one stage.
  ///   - stages: At least 2.
  /// - Source: 10 µs for a message between two GPUs: aiconfigurator's system files. Its bytes go
  ///   over the link between GPUs, else over PCIe, at full bandwidth.
  package init(
    _ base: any IterationCostModel, stages: Int, model: ModelSpec, device: DeviceSpec
  ) {
    precondition(stages > 1, "PipelineCostModel: \(stages) stages")
    self.base = base
    self.stages = stages
    sendLatency = 10e-6
    let bytes = Double(model.hidden * ModelSpec.bytesPerElement)
    tokenSeconds = bytes / (device.linkBandwidth ?? device.pcieBandwidth)
  }

  package var profile: CostProfile { base.profile }

  package func duration(of work: IterationWork) -> SimDuration {
    let micro = work.microBatch(of: stages)
    let tokens = micro.batchedTokens
    guard tokens > 0 else { return base.duration(of: micro) }
    let send = sendLatency + Double(tokens) * tokenSeconds
    return base.duration(of: micro) + SimDuration(rounding: Double(stages - 1) * send)
  }
}

extension IterationWork {
  /// The largest of `count` micro-batches: every `count`-th chunk, and a `count`-th of the decoding
  /// sequences and of their context, rounded up.
  func microBatch(of count: Int) -> IterationWork {
    var micro = self
    micro.prefillChunks = stride(from: 0, to: prefillChunks.count, by: count).map {
      prefillChunks[$0]
    }
    micro.decodeSequences = ceilingDivide(decodeSequences, count)
    let share = Double(micro.decodeSequences) / Double(max(decodeSequences, 1))
    micro.decodeContextTokens = Int((Double(decodeContextTokens) * share).rounded(.up))
    micro.decodeSkippedTokens = Int(Double(decodeSkippedTokens) * share)
    micro.draftTokens = ceilingDivide(draftTokens, count)
    micro.sampledSequences = ceilingDivide(sampledSequences, count)
    return micro
  }
}

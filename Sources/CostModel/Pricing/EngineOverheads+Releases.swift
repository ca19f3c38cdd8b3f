/// What releases of vLLM's V1 engine add to their kernels, fitted on measured serving
/// (reports/accuracy): the first two on `serving_points_dev.csv`, the last on two replays of vLLM
/// 0.19 on the RTX PRO 6000; of mixtures on half of the curves of `serving_points_moe_dev.csv`.
extension EngineOverheads {
  /// vLLM of autumn 2025, about 0.11: host and device in turns.
  package static var vllm011: EngineOverheads {
    var overheads = EngineOverheads(iterationSeconds: 1.77e-3, sequenceSeconds: 24e-6)
    overheads.launchShare = 0.8
    overheads.eagerLayerSeconds = 620e-6
    overheads.promptScale = 1.17
    overheads.allReduceScale = 0.75
    return overheads
  }

  /// vLLM 0.12: host and device in turns.
  package static var vllm012: EngineOverheads {
    var overheads = EngineOverheads(iterationSeconds: 1.88e-3, sequenceSeconds: 49e-6)
    overheads.launchShare = 0.5
    overheads.eagerLayerSeconds = 200e-6
    overheads.promptScale = 1.1
    return overheads
  }

  /// vLLM from 0.14 on, which prepares an iteration while the device runs the one before, under
  /// requests of different lengths.
  ///
  /// Uneven contexts, 5 %: what LLMServingSim's `skew` tables give for 64 and 128 sequences, a few of
  /// them four times as long as the others (medians 0 to 12 % alone, 3 % beside a prompt). The gap is
  /// fitted on two runs of vLLM 0.19, whose iterations take 1.3 ms more than the kernels.
  package static var vllm019: EngineOverheads {
    var overheads = EngineOverheads(iterationSeconds: 1.5e-3, sequenceSeconds: 28e-6)
    overheads.launchShare = 0.7
    overheads.hidesHost = true
    overheads.unevenContexts = 1.05
    overheads.gapSeconds = 1.3e-3
    overheads.expertLayerSeconds = 20e-6
    overheads.expertScale = 1.05
    var mixtures = Mixtures(overheads)
    mixtures.gapSeconds = 0.05e-3
    mixtures.promptScale = 1.485
    mixtures.allReduceScale = 1.15
    overheads.mixtures = mixtures
    return overheads
  }
}

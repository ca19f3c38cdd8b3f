/// What an engine adds to the kernels' own times: few parameters of an engine, never of a model or
/// a row.
package struct EngineOverheads: Equatable, Sendable {
  /// Seconds of the host between two iterations that the device does not hide.
  package var iterationSeconds: Double
  /// Seconds of the host for each sequence of the batch: scheduling, sampling, detokenising.
  package var sequenceSeconds: Double
  /// Share of a kernel's launch time that is left when iterations are replayed from a CUDA graph.
  package var launchShare: Double
  /// Time of matrix products beside the measured ones: 1 for the same kernels.
  package var productScale: Double
  /// Time of attention beside the measured kernels.
  package var attentionScale: Double
  /// Time of all-reduces beside the measured ones.
  package var allReduceScale: Double
  /// Seconds in which the host issues one kernel where no graph is replayed: an iteration takes at
  /// least its kernels times this. 0 with CUDA graphs.
  package var hostLaunchSeconds: Double
  /// Activations are quantised inside the kernel before, not by one of their own.
  package var fusesQuantisation: Bool

  package init(
    iterationSeconds: Double, sequenceSeconds: Double, launchShare: Double = 1,
    productScale: Double = 1, attentionScale: Double = 1, allReduceScale: Double = 1,
    hostLaunchSeconds: Double = 0, fusesQuantisation: Bool = true
  ) {
    self.iterationSeconds = iterationSeconds
    self.sequenceSeconds = sequenceSeconds
    self.launchShare = launchShare
    self.productScale = productScale
    self.attentionScale = attentionScale
    self.allReduceScale = allReduceScale
    self.hostLaunchSeconds = hostLaunchSeconds
    self.fusesQuantisation = fusesQuantisation
  }

  /// The kernels alone: what a profile's own errors refer to.
  package static let none = EngineOverheads(iterationSeconds: 0, sequenceSeconds: 0)
}

/// What an engine adds to the kernels' own times: few parameters of an engine, never of a model or
/// a row.
package struct EngineOverheads: Equatable, Sendable {
  /// Seconds of the host between two iterations.
  package var iterationSeconds: Double
  /// Seconds of the host for each sequence of the batch: scheduling, sampling, detokenising.
  package var sequenceSeconds: Double
  /// The host prepares an iteration while the device runs the one before (vLLM's async scheduling):
  /// an iteration takes the longer of the two, not their sum.
  package var hidesHost = false
  /// Seconds between two iterations in which the device waits or prepares inputs, even so.
  package var gapSeconds = 0.0
  /// Share of a kernel's launch time that is left when iterations are replayed from a CUDA graph.
  package var launchShare = 1.0
  /// Seconds in which the host issues the kernels of one layer where no graph is replayed: such an
  /// iteration takes at least its layers times this.
  package var eagerLayerSeconds = 0.0
  /// Whether small batches with prompts in them are replayed from graphs too, not only those that
  /// decode.
  package var graphsPrompts = true
  /// Time of matrix products beside the measured ones: 1 for the same kernels.
  package var productScale = 1.0
  /// The same, for products of many rows and the attention of prompts, on top: tables run a kernel
  /// for milliseconds, a busy server keeps its device at the power limit.
  package var promptScale = 1.0
  /// Time of attention beside the measured kernels.
  package var attentionScale = 1.0
  /// Time of decode attention over contexts of different lengths beside equal ones of the same sum:
  /// the longest is waited for.
  package var unevenContexts = 1.0
  /// Time of all-reduces beside the measured ones.
  package var allReduceScale = 1.0
  /// Activations are quantised inside the kernel before, not by one of their own.
  package var fusesQuantisation = true

  package init(iterationSeconds: Double, sequenceSeconds: Double) {
    self.iterationSeconds = iterationSeconds
    self.sequenceSeconds = sequenceSeconds
  }

  /// The kernels alone: what a profile's own errors refer to.
  package static let none = EngineOverheads(iterationSeconds: 0, sequenceSeconds: 0)

  /// Rows of a product at which ``promptScale`` counts by half.
  private static let promptRows = 1024.0

  /// Time of a product of `rows` rows beside the measured one.
  func productScale(rows: Double) -> Double {
    productScale * (1 + (promptScale - 1) * rows / (rows + Self.promptRows))
  }
}

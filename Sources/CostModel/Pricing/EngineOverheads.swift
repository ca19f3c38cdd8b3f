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
  /// Whose kernels of experts and latent attention run.
  package var library = KernelLibrary.vllm
  /// What the name of a kernel of experts has in it that a flag chose, in the tables of whichever engine; `nil` for the
  /// engine's own choice.
  package var expertKernel: String?
  /// Time of routed experts beside the measured kernels, on top of ``productScale``: 1 for the same kernels, more where
  /// an engine runs them untuned.
  package var expertScale = 1.0
  /// Seconds of a layer of experts that no table holds: the router's choice, small kernels around the experts.
  package var expertLayerSeconds = 0.0
  /// Seconds of a layer with a state in place of keys and values that no table holds: projections of their own, small
  /// kernels around the state.
  package var recurrentLayerSeconds = 0.0
  /// Seconds of a layer of latent attention that no table holds: small kernels around its products.
  package var latentLayerSeconds = 0.0
  /// Time of attention beside the measured kernels.
  package var attentionScale = 1.0
  /// Time of decode attention over contexts of different lengths beside equal ones of the same sum:
  /// the longest is waited for.
  package var unevenContexts = 1.0
  /// Time of all-reduces beside the measured ones.
  package var allReduceScale = 1.0
  /// What sums over several servers pass.
  package var network = ServerNetwork()
  /// Activations are quantised inside the kernel before, not by one of their own.
  package var fusesQuantisation = true

  /// What differs where a model has routed experts; `nil` for nothing.
  package var mixtures: Mixtures?

  /// Values that were fitted on servers of mixtures by themselves: their layers are many small kernels, which no gap
  /// between iterations stands for.
  package struct Mixtures: Equatable, Sendable {
    package var iterationSeconds: Double
    package var gapSeconds: Double
    package var launchShare: Double
    package var promptScale: Double
    package var allReduceScale: Double

    /// Those of `overheads`, to be changed.
    package init(_ overheads: EngineOverheads) {
      iterationSeconds = overheads.iterationSeconds
      gapSeconds = overheads.gapSeconds
      launchShare = overheads.launchShare
      promptScale = overheads.promptScale
      allReduceScale = overheads.allReduceScale
    }
  }

  /// The values that hold for a model.
  package func of(_ model: ModelSpec) -> EngineOverheads {
    guard model.hasExperts, let mixtures else { return self }
    var overheads = self
    overheads.iterationSeconds = mixtures.iterationSeconds
    overheads.gapSeconds = mixtures.gapSeconds
    overheads.launchShare = mixtures.launchShare
    overheads.promptScale = mixtures.promptScale
    overheads.allReduceScale = mixtures.allReduceScale
    return overheads
  }

  package init(iterationSeconds: Double, sequenceSeconds: Double) {
    self.iterationSeconds = iterationSeconds
    self.sequenceSeconds = sequenceSeconds
  }

  /// The kernels alone: what a profile's own errors refer to.
  package static let none = EngineOverheads(iterationSeconds: 0, sequenceSeconds: 0)

  /// The same of an engine that has kernels of its own.
  package static func none(running library: KernelLibrary) -> EngineOverheads {
    var overheads = none
    overheads.library = library
    return overheads
  }

  /// Rows of a product at which ``promptScale`` counts by half.
  private static let promptRows = 1024.0

  /// Time of a product of `rows` rows beside the measured one.
  func productScale(rows: Double) -> Double {
    productScale * (1 + (promptScale - 1) * rows / (rows + Self.promptRows))
  }
}

import CostModel
import Serving
import SimulationKernel

/// How an engine is simulated: its scheduler and what it adds to the kernels.
///
/// The numbers are fitted on the rows of `serving_points_dev.csv`, one set for each release of an
/// engine (``BackendModel/model(_:)``), never on a row or a curve; reports/accuracy says what they
/// reach, on curves held out too.
package struct BackendModel: Equatable, Sendable {
  package var system: ServingSystem
  /// Most tokens of an iteration.
  package var tokenBudget: Int
  package var maxSequences = 1024
  package var chunkedPrefill = true
  package var overheads: EngineOverheads
  /// Share of the memory that the engine uses.
  package var utilization = 0.9
  /// Decodes from one look at new requests to the next, of SGLang.
  package var receiveInterval = 1
  /// Whether keys and values are 8-bit where the weights are 8-bit or narrower.
  package var quantisesKVCache = false
  /// Requests of a measurement for each client: all clients start at once, so that the first of
  /// them wait for each other's prompts.
  package var roundsPerClient = 10
  /// Share of the longest prompt and output by which lengths vary.
  package var jitter = 0.0

  /// The server's process before the engine.
  package var frontEnd = FrontEnd()
  /// Milliseconds of client, API server and tokeniser that are part of a measured TTFT.
  package var requestMilliseconds = 0.0
  /// Different prompts, sent again and again and found in the prefix cache: a TTFT of 72 ms at 112
  /// clients, where computing the prompts would keep the device busy for longer than the run took.
  /// 100 is the default of NVIDIA's AIPerf (from memory). 0 for none repeated.
  package var repeatedPrompts = 0

  /// What a GPU that decodes reads the keys and values of another over: its own network card of 400 Gbit/s, as servers of
  /// these devices have them, after the latency that `kvplan calibrate link` finds in measured transfers.
  package var transferGBps = 50.0
  package var transferMilliseconds = 0.4

  package init(system: ServingSystem, tokenBudget: Int, overheads: EngineOverheads) {
    self.system = system
    self.tokenBudget = tokenBudget
    self.overheads = overheads
  }

  func kvCache(_ point: ServingPoint) -> ElementType {
    quantisesKVCache && point.weights != .bfloat16 ? .fp8 : .bfloat16
  }

  /// The parameters by the names that `--engine-parameter` knows.
  package static let parameterNames = [
    "iteration_us", "sequence_us", "hides_host", "gap_us", "launch_share", "eager_layer_us",
    "product_scale", "expert_scale", "expert_layer_us", "recurrent_layer_us", "latent_layer_us",
    "prompt_scale", "attention_scale", "uneven_contexts", "all_reduce_scale", "hop_us",
    "request_us", "token_us", "request_ms",
    "transfer_gbps", "transfer_ms", "rounds", "jitter", "token_budget", "utilization", "fp8_kv",
    "repeated_prompts", "receive_interval",
  ]

  /// Sets one parameter; false for a name that is none.
  package mutating func set(_ name: String, to value: Double) -> Bool {
    switch name {
    case "iteration_us": overheads.set(\.iterationSeconds, \.iterationSeconds, to: value * 1e-6)
    case "sequence_us": overheads.sequenceSeconds = value * 1e-6
    case "hides_host": overheads.hidesHost = value != 0
    case "gap_us": overheads.set(\.gapSeconds, \.gapSeconds, to: value * 1e-6)
    case "eager_layer_us": overheads.eagerLayerSeconds = value * 1e-6
    case "prompt_scale": overheads.set(\.promptScale, \.promptScale, to: value)
    case "request_us": frontEnd.requestTime = SimDuration(rounding: value * 1e-6)
    case "token_us": frontEnd.tokenTime = SimDuration(rounding: value * 1e-6)
    case "launch_share": overheads.set(\.launchShare, \.launchShare, to: value)
    case "product_scale": overheads.productScale = value
    case "expert_scale": overheads.expertScale = value
    case "expert_layer_us": overheads.expertLayerSeconds = value * 1e-6
    case "recurrent_layer_us": overheads.recurrentLayerSeconds = value * 1e-6
    case "latent_layer_us": overheads.latentLayerSeconds = value * 1e-6
    case "attention_scale": overheads.attentionScale = value
    case "uneven_contexts": overheads.unevenContexts = value
    case "all_reduce_scale": overheads.set(\.allReduceScale, \.allReduceScale, to: value)
    case "hop_us": overheads.network.hopSeconds = value * 1e-6
    case "transfer_gbps": transferGBps = max(1e-3, value)
    case "transfer_ms": transferMilliseconds = value
    case "rounds": roundsPerClient = max(1, Int(value))
    case "jitter": jitter = value
    case "token_budget": tokenBudget = max(1, Int(value))
    case "utilization": utilization = value
    case "request_ms": requestMilliseconds = value
    case "repeated_prompts": repeatedPrompts = max(0, Int(value))
    case "fp8_kv": quantisesKVCache = value != 0
    case "receive_interval": receiveInterval = max(1, Int(value))
    default: return false
    }
    return true
  }
}

extension EngineOverheads {
  /// Sets a value, of mixtures too where they have their own.
  fileprivate mutating func set(
    _ path: WritableKeyPath<EngineOverheads, Double>,
    _ ofMixtures: WritableKeyPath<Mixtures, Double>,
    to value: Double
  ) {
    self[keyPath: path] = value
    mixtures?[keyPath: ofMixtures] = value
  }
}

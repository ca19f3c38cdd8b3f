import CostModel
import Serving

/// How an engine is simulated: its scheduler and what it adds to the kernels.
///
/// The numbers are fitted on the 509 rows of `serving_points_dev.csv` as a whole, one set for each
/// engine, and never on a row of their own; reports/accuracy says what they reach.
package struct BackendModel: Equatable, Sendable {
  package var system: ServingSystem
  /// Most tokens of an iteration.
  package var tokenBudget: Int
  package var maxSequences = 1024
  package var chunkedPrefill = true
  package var overheads: EngineOverheads
  /// Share of the memory that the engine uses.
  package var utilization = 0.9
  /// Whether keys and values are 8-bit where the weights are 8-bit or narrower.
  package var quantisesKVCache = false
  /// Requests of a measurement for each client: all clients start at once, so that the first of
  /// them wait for each other's prompts.
  package var roundsPerClient = 10
  /// Share of the longest prompt and output by which lengths vary.
  package var jitter = 0.0

  /// Milliseconds of client, API server and tokeniser that are part of a measured TTFT.
  package var requestMilliseconds = 0.0
  /// Different prompts of the sweeps of 8-bit models: their TTFT is that of a prompt found in the
  /// prefix cache (72 ms at 112 clients, where computing the prompts would keep the device busy for
  /// longer than the run took), so the load generator sends a limited set again and again
  /// (inferred; 100 is the default of NVIDIA's AIPerf, from memory). 0 for none repeated.
  package var repeatedPrompts = 0

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
    "iteration_us", "sequence_us", "launch_share", "product_scale", "attention_scale",
    "all_reduce_scale", "rounds", "jitter", "token_budget", "utilization", "fp8_kv",
    "request_ms", "repeated_prompts",
  ]

  /// Sets one parameter; false for a name that is none.
  package mutating func set(_ name: String, to value: Double) -> Bool {
    switch name {
    case "iteration_us": overheads.iterationSeconds = value * 1e-6
    case "sequence_us": overheads.sequenceSeconds = value * 1e-6
    case "launch_share": overheads.launchShare = value
    case "product_scale": overheads.productScale = value
    case "attention_scale": overheads.attentionScale = value
    case "all_reduce_scale": overheads.allReduceScale = value
    case "rounds": roundsPerClient = max(1, Int(value))
    case "jitter": jitter = value
    case "token_budget": tokenBudget = max(1, Int(value))
    case "utilization": utilization = value
    case "request_ms": requestMilliseconds = value
    case "repeated_prompts": repeatedPrompts = max(0, Int(value))
    case "fp8_kv": quantisesKVCache = value != 0
    default: return false
    }
    return true
  }

  /// vLLM's V1 engine: token budget, chunked prefill, everything in one batch.
  package static var vllm: BackendModel {
    var model = BackendModel(
      system: .vllmV1, tokenBudget: 8192,
      overheads: EngineOverheads(
        iterationSeconds: 1.5e-3, sequenceSeconds: 28e-6, launchShare: 0.7))
    model.jitter = 0.06
    model.requestMilliseconds = 25
    model.quantisesKVCache = true
    model.repeatedPrompts = 100
    return model
  }

  /// TensorRT-LLM: mixed batches, prompts computed whole.
  package static var trtllm: BackendModel {
    var model = BackendModel(
      system: .vllmV1, tokenBudget: 8192,
      overheads: EngineOverheads(
        iterationSeconds: 0.72e-3, sequenceSeconds: 32e-6, launchShare: 0.75, productScale: 1.08,
        attentionScale: 0.7))
    model.chunkedPrefill = false
    model.jitter = 0.05
    model.requestMilliseconds = 60
    model.quantisesKVCache = true
    return model
  }

  /// SGLang: waiting prompts first, in batches of their own; then decoding.
  package static let sglang = BackendModel(
    system: .vllm02, tokenBudget: 16384,
    overheads: EngineOverheads(
      iterationSeconds: 2e-3, sequenceSeconds: 24e-6, launchShare: 0.5, productScale: 0.9))

  package static func model(_ backend: ServingPoint.Backend) -> BackendModel {
    switch backend {
    case .vllm: vllm
    case .trtllm: trtllm
    case .sglang: sglang
    }
  }
}

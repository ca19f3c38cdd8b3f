import Foundation

/// What several engines' flags become.
extension EngineFlag.Meaning {
  /// How the weights are stored. A checkpoint says it itself where a method stands for several formats.
  static let quantization = EngineFlag.Meaning.byValue(
    Dictionary(
      uniqueKeysWithValues: [
        ("int4", "awq awq_marlin gptq gptq_marlin marlin moe_wna16 auto-round w4a16 bitsandbytes"),
        ("fp8", "fp8 modelopt_fp8 fbgemm_fp8 ptpc_fp8 w8a8_fp8"), ("int8", "w8a8_int8 int8"),
        ("nvfp4", "nvfp4 modelopt_fp4 petit_nvfp4"),
      ].flatMap { format, methods in
        methods.split(separator: " ").map {
          (String($0), EngineFlag.Meaning.given("quantization", format))
        }
      }
        + ["compressed-tensors", "modelopt", "mxfp4", "quark", "none", "auto"].map {
          ($0, .nothing)
        }),
    else: .matters("the weights are stored as the model's own name or `config.json` says"))

  /// Weights and activations of 16 bits are what is simulated.
  static let dtype = EngineFlag.Meaning.byValue(
    [
      "auto": .nothing, "half": .nothing, "float16": .nothing, "fp16": .nothing,
      "bfloat16": .nothing, "bf16": .nothing,
    ],
    else: .matters(
      """
      weights and keys of 16 bits are simulated: those of 32 take twice the memory
      """))

  /// How keys and values are stored.
  static let kvCacheType = EngineFlag.Meaning.byValue(
    [
      "auto": .given("kv-cache-dtype", "auto"), "bfloat16": .given("kv-cache-dtype", "bfloat16"),
      "bf16": .given("kv-cache-dtype", "bfloat16"), "float16": .given("kv-cache-dtype", "auto"),
      "fp8": .given("kv-cache-dtype", "fp8"), "fp8_e4m3": .given("kv-cache-dtype", "fp8_e4m3"),
      "fp8_e5m2": .given("kv-cache-dtype", "fp8_e5m2"),
    ],
    else: .matters("keys and values are taken as 16-bit: fewer tokens fit here than there"))

  /// Ranks behind one address.
  static let ranks = EngineFlag.Meaning.byValue(
    ["1": .nothing], else: .setting("data-parallel-size"))

  static let speculation = EngineFlag.Meaning.matters(
    "one token an iteration is simulated: answers come faster there as long as batches are small")

  static let adapters = EngineFlag.Meaning.matters(
    "adapters are not loaded: there they take memory, and every iteration is slower")

  static let offloadedWeights = EngineFlag.Meaning.byValue(
    ["0": .nothing, "0.0": .nothing],
    else: .matters(
      """
      weights stay on the GPU: there more is left for keys and values, and iterations wait for the \
      host
      """))

  static let apart = EngineFlag.Meaning.matters(
    """
    one engine that does both is simulated: there prefill and decode do not disturb each other, \
    and keys and values
    """
      + "are sent between them")

  static let eager = EngineFlag.Meaning.all([
    .given("enforce-eager", nil),
    .matters(
      """
      the memory is as without graphs, the prices stay those with them: small batches are slower \
      there
      """),
  ])

  /// The largest CUDA graph of vLLM's `--compilation-config`, a level or a JSON object.
  static let compilation = EngineFlag.Meaning.read { text in
    guard let object = json(text) as? [String: Any] else { return .nothing }
    let sizes = object["cudagraph_capture_sizes"] as? [Int]
    if let largest = object["max_cudagraph_capture_size"] as? Int ?? sizes?.max() {
      return .given("max-cudagraph-capture-size", "\(largest)")
    }
    return .nothing
  }

  /// A list of sizes.
  static let largestGraph = EngineFlag.Meaning.read { text in
    text.split { !$0.isNumber }.compactMap { Int($0) }.max()
      .map { .given("max-cudagraph-capture-size", "\($0)") } ?? .nothing
  }

  /// Fields of the model's configuration: those of its positions are ours too.
  static let overrides = EngineFlag.Meaning.read { text in
    let positions: Set = [
      "max_position_embeddings", "rope_scaling", "rope_parameters",
      "original_max_position_embeddings",
    ]
    guard let object = json(text) as? [String: Any], !object.isEmpty,
      positions.isSuperset(of: object.keys)
    else {
      return text == "{}"
        ? .nothing : .matters("of a model's configuration only its positions can be changed here")
    }
    return .given("hf-overrides", text)
  }

  static let ropeScaling = EngineFlag.Meaning.read {
    .given("hf-overrides", "{\"rope_scaling\": \($0)}")
  }

  private static func json(_ text: String) -> Any? {
    try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
  }
}

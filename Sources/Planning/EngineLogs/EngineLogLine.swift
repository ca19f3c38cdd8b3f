/// What a line of an engine's start-up log, or of its metrics, says: a row of the table ``all``.
///
///     Free memory on device (78.84/79.25 GiB) on startup. …
///     └────── behind[0] ───┘     │     └ ahead
///                       behind[1]┘└─┘ the number
struct EngineLogLine: Sendable {
  /// What a number of a log is about, on one GPU.
  enum Quantity: CaseIterable, Sendable {
    case deviceMemory, usable, weights, weightsAndPeak, weightsAndOther, peak, other
    case graphsEstimated, graphs, cache, blocks, tokens, modelLength, concurrency
  }

  enum Engine: String, Sendable {
    case vLLM
    case sglang = "SGLang"
  }

  let quantity: Quantity
  let engine: Engine
  /// Which releases write it, of those that were read; the wheels in between were not.
  let releases: String
  /// Texts that stand before the number, in this order; the last one right before it.
  let behind: [String]
  /// Text right after the number.
  let ahead: String
  /// How many of the number's unit one of ``Quantity`` is.
  let scale: Double

  init(
    _ quantity: Quantity, _ engine: Engine, _ releases: String, _ behind: String...,
    ahead: String = "", scale: Double = 1
  ) {
    self.quantity = quantity
    self.engine = engine
    self.releases = releases
    self.behind = behind
    self.ahead = ahead
    self.scale = scale
  }

  /// Bytes of the GiB that most lines count in.
  static let gibibyte = Double(1 << 30)

  /// Bytes or tokens that no GPU has, and integers still hold.
  private static let most = 1e15

  /// Of several lines for one quantity the first in this order counts.
  ///
  /// - Source: vLLM's wheels 0.6.6, 0.8.5, 0.9.2, 0.11.0, 0.11.2, 0.12.0, 0.14.1, 0.18.1, 0.24.0, 0.27.1, 0.28.0 to 0.30.0 and
  ///   0.33.0, read; 0.6.4's and SGLang's lines from logs in public issues. vLLM and SGLang divide by 2³⁰ where they write GB.
  static let all: [EngineLogLine] = [
    .init(
      .deviceMemory, .vLLM, "0.6.6 to 0.9", "total_gpu_memory (", ahead: "GiB)", scale: gibibyte),
    .init(.deviceMemory, .vLLM, "0.6.4", "total_gpu_memory=", ahead: "GiB", scale: gibibyte),
    .init(
      .deviceMemory, .vLLM, "from 0.10.2", "Free memory on device (", "/", ahead: " GiB)",
      scale: gibibyte),
    .init(
      .usable, .vLLM, "0.6.6 to 0.9", "x gpu_memory_utilization (", " = ", ahead: "GiB",
      scale: gibibyte),
    .init(
      .usable, .vLLM, "from 0.10.2", "Desired GPU memory utilization is (", ", ", ahead: " GiB)",
      scale: gibibyte),
    .init(.weights, .vLLM, "from 0.8", "Model loading took ", ahead: " GiB", scale: gibibyte),
    .init(.weights, .vLLM, "to 0.7", "Loading model weights took ", ahead: " GB", scale: gibibyte),
    .init(.weights, .vLLM, "0.6.6 to 0.9", "model weights take ", ahead: "GiB", scale: gibibyte),
    .init(
      .weights, .vLLM, "0.10.2 to 0.24", "Actual usage is ", ahead: " GiB for weight",
      scale: gibibyte),
    .init(
      .weights, .sglang, "0.5", "Load weight end.", "mem usage=", ahead: " GB", scale: gibibyte),
    .init(
      .weightsAndOther, .vLLM, "from 0.27.1", "Actual usage is ",
      ahead: " GiB for consumed memory (weights + non-torch)", scale: gibibyte),
    .init(.weightsAndPeak, .vLLM, "0.6.4", "peak_torch_memory=", ahead: "GiB", scale: gibibyte),
    .init(
      .peak, .vLLM, "0.6.6 to 0.9", "PyTorch activation peak memory takes ", ahead: "GiB",
      scale: gibibyte),
    .init(
      .peak, .vLLM, "0.10.2 to 0.24", "Actual usage is ", "for weight, ",
      ahead: " GiB for peak activation", scale: gibibyte),
    .init(
      .peak, .vLLM, "from 0.27.1", "Actual usage is ", "(weights + non-torch), ",
      ahead: " GiB for peak activation", scale: gibibyte),
    .init(
      .other, .vLLM, "0.6.6 to 0.9", "non_torch_memory takes ", ahead: "GiB", scale: gibibyte),
    .init(.other, .vLLM, "0.6.4", "non_torch_memory=", ahead: "GiB", scale: gibibyte),
    .init(
      .other, .vLLM, "0.10.2 to 0.24", "Actual usage is ", "for peak activation, ",
      ahead: " GiB for non-torch memory", scale: gibibyte),
    .init(
      .graphsEstimated, .vLLM, "from 0.18.1", "Estimated CUDA graph memory: ", ahead: " GiB",
      scale: gibibyte),
    .init(
      .graphs, .vLLM, "0.6.6 to 0.33", "Graph capturing finished in ", "took ", ahead: " GiB",
      scale: gibibyte),
    .init(
      .graphs, .sglang, "0.5", "Capture cuda graph end.", "mem usage=", ahead: " GB",
      scale: gibibyte),
    .init(
      .cache, .vLLM, "from 0.9.2", "Available KV cache memory: ", ahead: " GiB", scale: gibibyte),
    .init(
      .cache, .vLLM, "0.6.6 to 0.9", "the rest of the memory reserved for KV Cache is ",
      ahead: "GiB", scale: gibibyte),
    .init(.cache, .vLLM, "0.6.4", "kv_cache_size=", ahead: "GiB", scale: gibibyte),
    .init(
      .cache, .vLLM, "0.11.2 to 0.33", "Current kv cache memory in use is ", ahead: " GiB",
      scale: gibibyte),
    // The keys; the values take as much.
    .init(
      .cache, .sglang, "0.4.9 to 0.5", "KV Cache is allocated.", "K size: ", ahead: " GB",
      scale: 2 * gibibyte),
    .init(
      .cache, .sglang, "0.5, latent attention", "KV Cache is allocated.", "KV size: ",
      ahead: " GB", scale: gibibyte),
    .init(.blocks, .vLLM, "to 0.8", "# GPU blocks: "),
    .init(.blocks, .vLLM, "0.8 to 0.9", "# cuda blocks: "),
    .init(.blocks, .vLLM, "0.8 to 0.9", "# CUDA blocks: "),
    .init(.blocks, .vLLM, "metrics", "num_gpu_blocks=\"", ahead: "\""),
    .init(.tokens, .vLLM, "from 0.8", "GPU KV cache size: ", ahead: " tokens"),
    .init(.tokens, .sglang, "0.4.9 to 0.5", "max_total_num_tokens="),
    .init(.tokens, .sglang, "0.4.9 to 0.5", "KV Cache is allocated.", "#tokens: "),
    .init(.modelLength, .vLLM, "from 0.6", "Maximum concurrency for ", ahead: " tokens"),
    .init(.modelLength, .sglang, "0.5", "max_total_num_tokens=", "context_len="),
    .init(
      .concurrency, .vLLM, "from 0.6", "Maximum concurrency for ", " tokens per request: ",
      ahead: "x"),
  ]

  /// Lines of engines that are not read, and whose they are.
  static let others: [(mark: String, engine: String)] = [
    ("[TensorRT-LLM]", "TensorRT-LLM"), ("tokens in paged KV cache", "TensorRT-LLM"),
    ("llama_kv_cache", "llama.cpp"), ("llama_context: ", "llama.cpp"),
    ("llama_new_context_with_model", "llama.cpp"), ("ggml_cuda_init", "llama.cpp"),
    ("text_generation_launcher", "Text Generation Inference"), ("[TM][INFO]", "LMDeploy"),
  ]

  /// A number as a line writes it, and how finely.
  struct Number: Equatable, Sendable {
    var value: Double
    /// Half of what the last digit counts.
    var rounding: Double
  }

  /// The number that a line gives; `nil` where it is not this one.
  ///
  /// Thousands with or without commas.
  ///
  /// - Complexity: O(bytes).
  func number(in line: Substring.UTF8View) -> Number? {
    var rest = line
    for text in behind {
      guard let found = rest.firstRange(of: text.utf8) else { return nil }
      rest = rest[found.upperBound...]
    }
    let text = rest.prefix {
      ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || $0 == UInt8(ascii: ",")
        || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
    }
    guard rest[text.endIndex...].starts(with: ahead.utf8) else { return nil }
    var digits = Substring(text).filter { $0 != "," }
    // A sentence may end behind the number.
    if digits.hasSuffix(".") { digits.removeLast() }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard let value = Double(digits), abs(value * scale) < Self.most else { return nil }
    let decimals = parts.count > 1 ? parts[1].count : 0
    var unit = scale
    for _ in 0..<decimals { unit /= 10 }
    return Number(value: value * scale, rounding: decimals > 0 ? unit / 2 : 0)
  }
}

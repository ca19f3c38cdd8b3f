import ArgumentParser
import CostModel
import Messages
import ModelFiles
import Planning
import Serving

/// `0.2.0 or 0.2.7 of vllm-0.2`, for every system with releases.
private let engineReleases = systems(of: "engine-release") {
  "\($0.releasesText.replacing(" and ", with: " or ")) of \($0.name)"
}

private let measuring = systems(of: "enforce-eager")

private let pageGroupSystems = systems(of: "page-group-size") { "`\($0.name)`" }

/// What is served, and on what.
struct TargetOptions: ParsableArguments {
  /// Read before the others are (``PastedCommand``), which it gives their values.
  @Option(
    help: ArgumentHelp(
      """
      Command line of an engine to take the settings from: `vllm serve …`, `sglang serve …`, `trtllm-serve …`; \
      flags given beside it win.
      """, valueName: "command"))
  var fromCommand: String?

  @Option(
    help: "Model of `kvplan catalog models`, or the path of its `config.json`.",
    completion: Completions.model)
  var model: String?

  @Option(
    help: "Device of `kvplan catalog devices`, or the path of its JSON file.",
    completion: Completions.device)
  var device: String?

  @Option(
    help: """
      Release of the engine: \(engineReleases) (default: the \
      newest). For several systems: `vllm-0.2=0.2.0,vllm-v1=0.10`.
      """)
  var engineRelease: String?

  @Option(
    name: [.customLong("tensor-parallel-size"), .customLong("tp", withSingleDash: true)],
    help: "GPUs that share each layer.")
  var tensorParallel = 1

  @Option(
    name: [.customLong("pipeline-parallel-size"), .customLong("pp", withSingleDash: true)],
    help: "Stages that the layers are cut into, each on `--tensor-parallel-size` GPUs.")
  var pipelineParallel = 1

  @Option(
    help: """
      Exponent of the power law by which tokens fall on routed experts: 0 is even, 2 puts most on a few (default: 1.01, as \
      kernels were measured).
      """)
  var expertSkew: Double?

  @Flag(
    name: .customLong("enable-expert-parallel"), inversion: .prefixedNo,
    help: """
      Spread whole experts over the GPUs, in place of a cut of each on every one; the fullest GPU is waited for, its load \
      by a power law (default: no).
      """)
  var enableExpertParallel: Bool?

  @Option(
    name: [.customLong("data-parallel-size"), .customLong("dp", withSingleDash: true)],
    help: """
      Ranks of so many GPUs with requests, a KV pool and a scheduler each, which share the layers of experts and step \
      together; \(only("data-parallel-size")).
      """)
  var dataParallel = 1

  @Option(
    help: ArgumentHelp(
      """
      Fields of the model's configuration to have otherwise, those of its positions only: \
      `{"rope_scaling": {…}}`.
      """, valueName: "json"))
  var hfOverrides: String?

  @Option(
    name: [.long, .customShort("q")],
    help: """
      How the layers' matrices are stored: `none` (16-bit), `fp8`, `int8`, `int4` (AWQ, GPTQ) or \
      `nvfp4` (default: as the checkpoint of a `config.json` is, or else `none`).
      """)
  var quantization: Quantization?

  /// What `--quantization` takes.
  enum Quantization: String, CaseIterable, ExpressibleByArgument {
    case none, fp8, int8, int4, nvfp4

    var elements: ElementType { ElementType(rawValue: rawValue) ?? .bfloat16 }
  }

  /// - Throws: ``UserError`` for overrides that are none.
  func apply(to scenario: inout Scenario) throws {
    scenario.tensorParallel = tensorParallel
    scenario.dataParallel = dataParallel
    scenario.pipelineParallel = pipelineParallel
    scenario.enableExpertParallel = enableExpertParallel
    scenario.expertSkew = expertSkew
    scenario.hfOverrides = try hfOverrides.map { try PositionOverrides($0) }
    scenario.quantization = quantization?.elements
  }
}

/// What memory there is for keys and values, and how they are stored.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: """
      Memory of a GPU as the engine prints it when it starts, GiB, in place of the catalogue's.
      """)
  var deviceMemory: Double?

  @Option(
    name: .customLong("kv-cache-memory-bytes"),
    help: """
      Bytes of the KV cache on a GPU, in place of what is left of its memory; \(measuring) only.
      """)
  var kvCacheBytes: ReadableCount?

  @Flag(
    inversion: .prefixedNo,
    help: """
      Record no CUDA graphs, which leaves more memory; prices stay those with graphs; \(measuring) \
      only (default: no).
      """)
  var enforceEager: Bool?

  @Option(
    name: .customLong("max-cudagraph-capture-size"),
    help: "Tokens of the largest CUDA graph; \(measuring) only (default: the release's own).")
  var graphTokensMax: Int?

  @Option(help: "Token slots in a KV block (default: 16, of sglang mostly 1, of trtllm 32).")
  var blockSize: Int?

  @Option(
    help: """
      Share of the device's memory that the engine may use, in (0, 1] (default: the system's own).
      """)
  var gpuMemoryUtilization: Double?

  @Option(
    name: .customLong("max-model-len"),
    help: """
      Longest sequence, prompt and output: `32768`, `32K` (32,768) or `32k` (32,000) (default: the \
      model's positions).
      """)
  var maxModelLength: ReadableCount?

  @Option(help: "How keys and values are stored: `auto` or `bfloat16` (16-bit), or `fp8`.")
  var kvCacheDtype = KVCacheType.auto

  @Option(help: "Page-group of \(pageGroupSystems), KiB: 64, 128, 256 or 2048.")
  var pageGroupSize = VirtualMemoryOptions.PageGroupSize.mib2

  /// What `--kv-cache-dtype` takes; vLLM's two kinds of fp8 are one here, as large and as fast.
  enum KVCacheType: String, CaseIterable, ExpressibleByArgument {
    case auto, bfloat16, fp8
    case fp8E4M3 = "fp8_e4m3"
    case fp8E5M2 = "fp8_e5m2"

    var elements: ElementType {
      switch self {
      case .auto, .bfloat16: .bfloat16
      case .fp8, .fp8E4M3, .fp8E5M2: .fp8
      }
    }
  }

  func apply(to scenario: inout Scenario) {
    scenario.blockSizeGiven = blockSize
    scenario.deviceMemoryGiB = deviceMemory
    scenario.kvCacheBytes = kvCacheBytes?.value
    scenario.enforceEager = enforceEager
    scenario.graphTokensMax = graphTokensMax
    scenario.gpuMemoryUtilization = gpuMemoryUtilization
    scenario.maxModelLength = maxModelLength?.value
    scenario.kvCache = kvCacheDtype.elements
    scenario.virtualMemory.pageGroup = pageGroupSize
  }
}

/// The largest batch, which memory is measured with.
struct BatchOptions: ParsableArguments {
  @Option(
    name: .customLong("max-num-seqs"),
    help: "Most sequences in one iteration (default: the system's own).")
  var maxSequences: Int?

  @Option(
    name: .customLong("max-num-batched-tokens"),
    help: "Most tokens in one iteration, `8192`, `8k` or `8K` (default: the system's own).")
  var maxBatchedTokens: ReadableCount?
}

extension ReadableCount: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension VirtualMemoryOptions.PageGroupSize: ExpressibleByArgument {}

import ArgumentParser
import CostModel
import Messages
import ModelFiles
import Planning
import Serving
import SimulationKernel

/// `0.2.0 or 0.2.7 of vllm-0.2`, for every system with releases.
private let engineReleases = systems(of: "engine-release") {
  "\($0.releasesText.replacing(" and ", with: " or ")) of \($0.name)"
}

private let measuring = systems(of: "enforce-eager")

private let pageGroupSystems = systems(of: "page-group-size") { "`\($0.name)`" }

/// What decides how large the KV pool is, under vLLM's names where vLLM has one.
struct DeploymentOptions: ParsableArguments {
  @Option(
    help: "Model; `kvplan catalog models` lists them. Or the path of a model's `config.json`.")
  var model: String?

  @Option(help: "Device; `kvplan catalog devices` lists them. Or the path of a device's JSON file.")
  var device: String?

  @Option(
    help: """
      Release of the engine: \(engineReleases) (default: the \
      newest). For several systems: `vllm-0.2=0.2.0,vllm-v1=0.10`.
      """)
  var engineRelease: String?

  @Option(name: .customLong("tensor-parallel-size"), help: "GPUs that share each layer.")
  var tensorParallel = 1

  @Option(
    name: .customLong("pipeline-parallel-size"),
    help: "Stages that the layers are cut into, each on `--tensor-parallel-size` GPUs.")
  var pipelineParallel = 1

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
  var kvCacheBytes: Int?

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

  @Option(help: "Token slots in a KV block.")
  var blockSize = 16

  @Option(
    help: """
      Share of the device's memory that the engine may use, in (0, 1] (default: the system's own).
      """)
  var gpuMemoryUtilization: Double?

  @Option(
    name: .customLong("max-num-seqs"),
    help: "Most sequences in one iteration (default: the system's own).")
  var maxSequences: Int?

  @Option(
    name: .customLong("max-num-batched-tokens"),
    help: "Most tokens in one iteration (default: the system's own).")
  var maxBatchedTokens: Int?

  @Option(
    name: .customLong("max-model-len"),
    help: "Longest sequence, prompt and output (default: the model's positions).")
  var maxModelLength: Int?

  @Option(
    help: ArgumentHelp(
      """
      Fields of the model's configuration to have otherwise, those of its positions only: \
      `{"rope_scaling": {…}}`.
      """, valueName: "json"))
  var hfOverrides: String?

  @Option(
    help: """
      How the layers' matrices are stored: `none` (16-bit), `fp8`, `int8`, `int4` (AWQ, GPTQ) or \
      `nvfp4` (default: as the checkpoint of a `config.json` is, or else `none`).
      """)
  var quantization: Quantization?

  @Option(help: "How keys and values are stored: `auto` or `bfloat16` (16-bit), or `fp8`.")
  var kvCacheDtype = KVCacheType.auto

  @Option(help: "Page-group of \(pageGroupSystems), KiB: 64, 128, 256 or 2048.")
  var pageGroupSize = VirtualMemoryOptions.PageGroupSize.mib2

  /// What `--quantization` takes.
  enum Quantization: String, CaseIterable, ExpressibleByArgument {
    case none, fp8, int8, int4, nvfp4

    var elements: ElementType { ElementType(rawValue: rawValue) ?? .bfloat16 }
  }

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

  /// The scenario of one deployment, its other settings at their defaults.
  ///
  /// - Parameter forMemory: Whether only the device's memory matters, so that its name may leave a word out.
  /// - Throws: ``UserError`` where the model or the device is not given, and for names that are not known.
  func scenario(system: ServingSystem, forMemory: Bool = false) throws -> Scenario {
    guard let model, let device else {
      throw UserError.missing(
        [("--model", model, "llama-3.1-8b"), ("--device", device, "h100-sxm")]
          .filter { $0.1 == nil }.map { ($0.0, $0.2) })
    }
    var scenario = Scenario(
      system: system, model: try ModelFile.find(model),
      device: try DeviceFile.find(device, forMemory: forMemory))
    scenario.engineRelease = try releases()?.release(for: system)
    scenario.tensorParallel = tensorParallel
    scenario.pipelineParallel = pipelineParallel
    scenario.blockSize = blockSize
    scenario.deviceMemoryGiB = deviceMemory
    scenario.kvCacheBytes = kvCacheBytes
    scenario.enforceEager = enforceEager
    scenario.graphTokensMax = graphTokensMax
    scenario.gpuMemoryUtilization = gpuMemoryUtilization
    scenario.maxSequences = maxSequences
    scenario.maxBatchedTokens = maxBatchedTokens
    scenario.maxModelLength = maxModelLength
    scenario.hfOverrides = try hfOverrides.map { try PositionOverrides($0) }
    scenario.quantization = quantization?.elements
    scenario.kvCache = kvCacheDtype.elements
    scenario.virtualMemory.pageGroup = pageGroupSize
    return scenario
  }

  func releases() throws -> EngineReleases? { try engineRelease.map { try EngineReleases($0) } }
}

extension UserError {
  /// What a command cannot do without; the hint is the command as it was typed, with an example of each added.
  static func missing(
    _ options: [(flag: String, example: String)], of words: [String] = CommandLine.arguments
  ) -> UserError {
    let flags = options.map { "`\($0.flag)`" }.joined(separator: " and ")
    let given = ["kvplan"] + words.dropFirst().map(shellQuoted)
    let command = given + options.map { "\($0.flag) \($0.example)" }
    let verb = options.count == 1 ? "is missing, and has" : "are missing, and have"
    return UserError(
      "\(flags) \(verb) no default", hint: "for example: \(command.joined(separator: " "))")
  }
}

extension VirtualMemoryOptions.PageGroupSize: ExpressibleByArgument {}

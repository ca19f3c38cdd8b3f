/// What a system does unless its user says otherwise.
extension ServingSystem {
  /// Most sequences in one iteration unless the user says otherwise.
  ///
  /// - Source: the SOSP'23 artifact (2,048 for its vLLM, 256 for Orca) and vLLM 0.2 (256). vLLM's V1
  ///   server takes 256 on A100s and devices below 70 GiB, and 1,024 on larger ones. FasterTransformer
  ///   takes what its slots hold.
  package var defaultMaxSequences: Int {
    switch self {
    case .vllmSOSP23, .fasterTransformer: 2048
    case .vllm02, .vllmV1, .orcaOracle, .orcaPow2, .orcaMax: 256
    }
  }

  /// Most tokens in one iteration unless the user says otherwise.
  ///
  /// - Source: 2,560 in the SOSP'23 artifact and in vLLM 0.2; vLLM's V1 server takes 2,048 on A100s and
  ///   devices below 70 GiB, and 8,192 on larger ones (`get_batch_defaults` in its `arg_utils.py`).
  package var defaultMaxBatchedTokens: Int { self == .vllmV1 ? 2048 : 2560 }

  /// Share of the device's memory that the engine may use.
  ///
  /// - Source: the SOSP'23 artifact (0.95 for its vLLM and its baselines); vLLM since its first release
  ///   (0.90).
  package var defaultGPUMemoryUtilization: Double {
    switch self {
    case .vllmSOSP23, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer: 0.95
    case .vllm02, .vllmV1: 0.90
    }
  }

  /// Host memory for swapped blocks, GiB for each GPU; 0 for a system that does not swap.
  ///
  /// - Source: 20 in the SOSP'23 artifact, 4 in vLLM 0.2.
  package var defaultSwapSpaceGiB: Double {
    switch self {
    case .vllmSOSP23: 20
    case .vllm02: 4
    case .vllmV1, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer: 0
    }
  }

  /// The releases between which `--engine-release` chooses, oldest first; empty where there is no choice.
  package var releases: [String] {
    switch self {
    case .vllm02: VLLM02Release.allCases.map(\.rawValue)
    case .vllmV1: V1Release.allCases.map(\.rawValue)
    case .vllmSOSP23, .orcaOracle, .orcaPow2, .orcaMax, .fasterTransformer: []
    }
  }

  /// The release unless the user says otherwise: the newest.
  package var defaultRelease: String? { releases.last }
}

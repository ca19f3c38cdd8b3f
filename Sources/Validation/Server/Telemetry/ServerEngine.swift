/// An engine whose metrics or log are read, by what their names and lines begin with.
package enum ServerEngine: String, CaseIterable, Sendable {
  case vllm, sglang, trtllm

  /// As people call it.
  package var title: String {
    switch self {
    case .vllm: "vLLM"
    case .sglang: "SGLang"
    case .trtllm: "TensorRT-LLM"
    }
  }

  /// Whether a system of that name is a rule of this engine.
  package func isSimulated(by system: String) -> Bool { system.hasPrefix(rawValue) }
}

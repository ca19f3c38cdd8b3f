/// An engine whose command lines are read.
package enum Engine: String, CaseIterable, Sendable {
  case vllm, sglang, trtllm

  /// The system that simulates it.
  package var system: String {
    switch self {
    case .vllm: "vllm-v1"
    case .sglang, .trtllm: rawValue
    }
  }

  /// The command that starts it, as messages name it.
  package var command: String {
    switch self {
    case .vllm: "vllm serve"
    case .sglang: "sglang serve"
    case .trtllm: "trtllm-serve"
    }
  }

  /// Where the names of its flags are from.
  ///
  /// Whether a flag takes a value is from there too; what becomes of it is ours to say.
  package var source: String {
    switch self {
    case .vllm:
      "vLLM: `vllm/engine/arg_utils.py` of 0.7 and of 2026, `vllm/entrypoints/openai/cli_args.py` of 2026"
    case .sglang:
      "SGLang: `docs/advanced_features/server_arguments.md`, `srt/server_args.py` of 2026"
    case .trtllm: "TensorRT-LLM: `tensorrt_llm/commands/serve.py` of 2026"
    }
  }

  /// Whether a flag may be shortened as long as it is the only one that begins so, as Python's argparse has it.
  var takesBeginnings: Bool { self != .trtllm }

  /// Every flag that is known of it: the one table of them.
  var flags: [EngineFlag] {
    switch self {
    case .vllm: EngineFlag.vllm
    case .sglang: EngineFlag.sglang
    case .trtllm: EngineFlag.trtllm
    }
  }

  /// The flag of that name, `no-` before it or not, and what it means so.
  func flag(named name: String) -> (flag: EngineFlag, meaning: EngineFlag.Meaning)? {
    Self.flagsByName[self]?[name]
  }

  private static let flagsByName = Dictionary(
    uniqueKeysWithValues: allCases.map { engine in
      var byName: [String: (flag: EngineFlag, meaning: EngineFlag.Meaning)] = [:]
      for flag in engine.flags {
        for name in flag.names {
          byName[name] = (flag, flag.meaning)
          if let negated = flag.negated { byName["no-" + name] = (flag, negated) }
        }
      }
      return (engine, byName)
    })
}

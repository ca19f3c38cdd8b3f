/// A family of prompts of the study, named as it names them. Tokens are random numbers.
///
/// - Source: `simulation/trace_cache_sim/traces.py` of arabel1a/hybrid-logarithmic-cache, whose draws are repeated number
///   by number.
enum SparsePrefixFamily: String, CaseIterable, Sendable {
  /// 72 prompts of 320 common tokens and 48 of their own.
  case exactHotPrefix = "exact_hot_prefix"
  /// 64 turns of a conversation of 48 tokens, 10 more with each turn.
  case appendOnlyChat = "append_only_chat"
  /// 72 prompts that quote a document of 512 tokens up to a cut, and add 24.
  case diffuseCutpoints = "diffuse_cutpoints"
  /// 81 leaves of a tree, three ways on at each of four levels, 20 tokens a level, 8 of their own.
  case agentTree = "agent_tree"
  /// 72 prompts that overlap with the first by 1 to 384 tokens, and add 32.
  case adversarial = "adversarial_uniform_overlap"

  func prompts(seed: UInt64) -> [[Int32]] {
    let place = Self.allCases.firstIndex(of: self) ?? 0
    var numbers = NumpyGenerator(seed: seed + UInt64(place))
    func tokens(_ count: Int) -> [Int32] {
      (0..<count).map { _ in Int32(numbers.integer(in: 1_000..<1_000_000)) }
    }
    switch self {
    case .exactHotPrefix:
      let prefix = tokens(320)
      return (0..<72).map { _ in prefix + tokens(48) }
    case .appendOnlyChat:
      var prompt = tokens(48)
      return (0..<64).map { _ in
        prompt += tokens(10)
        return prompt
      }
    case .diffuseCutpoints:
      let document = tokens(512)
      return (0..<72).map { _ in
        let cut = numbers.integer(in: 512 / 6..<513)
        return document[..<cut] + tokens(24)
      }
    case .agentTree:
      // A segment is drawn when the first leaf below it needs it.
      var segments: [[Int]: [Int32]] = [:]
      return (0..<81).map { leaf in
        let turns = [leaf / 27, leaf / 9 % 3, leaf / 3 % 3, leaf % 3]
        var prompt: [Int32] = []
        for level in 1...4 {
          let path = Array(turns[..<level])
          let segment = segments[path] ?? tokens(20)
          segments[path] = segment
          prompt += segment
        }
        return prompt + tokens(8)
      }
    case .adversarial:
      let backbone = tokens(384)
      return [backbone + tokens(32)]
        + (1..<72).map { _ in
          let overlap = numbers.integer(in: 1..<385)
          return backbone[..<overlap] + tokens(32)
        }
    }
  }
}

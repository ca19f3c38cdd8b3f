import CostModel

/// What a checkpoint calls the matrices of a layer, from the layer's own name on.
///
/// One or a few of each part stand for all of it: checkpoints leave parts in 16 bits as a whole.
struct ModuleNames {
  var attentionInput = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
  var attentionOutput = ["self_attn.o_proj"]
  var attentionExtras = ["self_attn.q_proj"]
  var recurrentInput = ["linear_attn.in_proj_qkv"]
  var recurrentOutput = ["linear_attn.out_proj"]
  var dense = ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
  var routed = ["mlp.experts.0.gate_proj", "mlp.experts.0.up_proj"]
  var shared = ["mlp.shared_expert.gate_proj", "mlp.shared_experts.gate_proj"]

  static let blockSparse: ModuleNames = {
    var names = ModuleNames()
    names.routed = ["block_sparse_moe.experts.0.w1"]
    names.shared = ["block_sparse_moe.shared_mlp"]
    return names
  }()

  /// DeepSeek's, and what has its attention.
  static let latent: ModuleNames = {
    var names = ModuleNames()
    names.attentionInput = [
      "self_attn.q_a_proj", "self_attn.q_b_proj", "self_attn.kv_a_proj_with_mqa",
      "self_attn.kv_b_proj",
    ]
    names.attentionExtras = ["self_attn.indexer.wq_b"]
    names.shared = ["mlp.shared_experts.gate_proj"]
    return names
  }()

  static let deepSeekV4: ModuleNames = {
    var names = ModuleNames()
    names.attentionInput = ["attn.wq_a", "attn.wq_b", "attn.wkv"]
    names.attentionOutput = ["attn.wo_a", "attn.wo_b"]
    names.attentionExtras = ["attn.compressor.wkv"]
    names.routed = ["ffn.experts.0.w1"]
    names.shared = ["ffn.shared_experts.w1"]
    return names
  }()

  /// The dense MLP stands beside the experts, as what every token visits.
  static let gemma4: ModuleNames = {
    var names = ModuleNames()
    names.routed = ["experts.0.gate_proj"]
    names.shared = ["mlp.gate_proj"]
    return names
  }()

  static let feedForward: ModuleNames = {
    var names = ModuleNames()
    names.dense = ["feed_forward.gate_proj", "feed_forward.down_proj"]
    names.routed = ["feed_forward.experts.gate_up_proj"]
    names.shared = ["feed_forward.shared_expert.gate_proj"]
    return names
  }()

  static let step35: ModuleNames = {
    var names = ModuleNames()
    names.routed = ["moe.gate_proj", "moe.up_proj"]
    names.shared = ["share_expert.gate_proj"]
    return names
  }()

  static let qwenNext: ModuleNames = {
    var names = ModuleNames()
    names.shared = ["mlp.shared_expert.gate_proj"]
    return names
  }()

  /// Every part is the layer's mixer.
  static let mixer: ModuleNames = {
    var names = ModuleNames()
    names.attentionInput = ["mixer.q_proj", "mixer.k_proj", "mixer.v_proj"]
    names.attentionOutput = ["mixer.o_proj"]
    names.recurrentInput = ["mixer.in_proj"]
    names.recurrentOutput = ["mixer.out_proj"]
    names.dense = ["mixer.up_proj", "mixer.down_proj"]
    names.routed = ["mixer.experts.0.up_proj", "mixer.experts.0.down_proj"]
    names.shared = ["mixer.shared_experts.up_proj", "mixer.shared_experts.down_proj"]
    return names
  }()
}

/// A name or pattern in a list of modules that a checkpoint does not quantize.
///
/// - `lm_head`, `model.layers.3.self_attn`: the module and what is in it;
/// - `model.layers.3*`, `*.attn.*`: `*` stands for any text;
/// - `re:.*self_attn.*`: a regular expression that a name begins with.
///
/// What stands ahead of `layers.` differs between files of one model, and is left out on both sides.
struct ModulePattern {
  private let text: String
  private let expression: Regex<AnyRegexOutput>?
  /// The only layer that is meant, where the name has a number: files list hundreds of names.
  private let layer: Int?

  init(_ text: String) {
    self.text = Self.fromLayers(text)
    let isExpression = text.hasPrefix("re:")
    expression = isExpression ? try? Regex(String(text.dropFirst(3))) : nil
    let number =
      self.text.hasPrefix("layers.") ? self.text.dropFirst(7).prefix(while: \.isNumber) : ""
    // `layers.1*` means layers 10 to 19, too.
    let isWhole = !self.text.dropFirst(7 + number.count).hasPrefix("*")
    layer = isExpression || !isWhole ? nil : Int(number)
  }

  /// `layers.3.mlp` of `model.language_model.layers.3.mlp`.
  static func fromLayers(_ name: String) -> String {
    name.firstRange(of: "layers.").map { String(name[$0.lowerBound...]) } ?? name
  }

  /// Whether the module `layers.N.NAME` is meant, of layer `index`.
  func matches(_ module: String, layer index: Int) -> Bool {
    if let layer, layer != index { return false }
    if let expression { return "model.\(module)".prefixMatch(of: expression) != nil }
    if text.hasPrefix("re:") { return false }
    if text.contains("*") { return matchesWildcards(module) }
    // Without a layer's number, a part of every layer.
    return text.contains("layers.")
      ? module == text || module.hasPrefix(text + ".")
      : ".\(module).".contains(".\(text).")
  }

  /// Whether the pattern's pieces stand in the module's name in their order, the first at its start
  /// and the last at its end; what is in a module that is meant is meant too.
  private func matchesWildcards(_ module: String) -> Bool {
    let pieces = text.split(separator: "*", omittingEmptySubsequences: false)
    // `*` ahead of what is left out on both sides, or of any other start.
    var rest = "model.\(module)."[...]
    for (index, piece) in pieces.enumerated() where !piece.isEmpty {
      guard let found = rest.firstRange(of: piece) else { return false }
      if index == 0, !isStart(found.lowerBound, rest) { return false }
      rest = rest[found.upperBound...]
    }
    return pieces.last?.isEmpty != false || rest.isEmpty || rest.hasPrefix(".")
  }

  private func isStart(_ index: String.Index, _ rest: Substring) -> Bool {
    rest[..<index].isEmpty || rest[..<index] == "model."
  }
}

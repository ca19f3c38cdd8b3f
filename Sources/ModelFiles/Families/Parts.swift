import CostModel
import KVMemory
import Messages

/// What several families have in common.
extension ConfigFields {
  func layerCount() throws -> Int {
    let name = has("num_hidden_layers") || !has("num_layers") ? "num_hidden_layers" : "num_layers"
    return try count(name, limit: .layers)
  }

  func hidden() throws -> Int { try count("hidden_size", limit: .width) }

  /// Query heads, KV heads and the width of each, with what the fields mean where some are missing:
  /// as many KV heads as query heads, and heads that share the residual stream's width.
  func heads(kv kvName: String = "num_key_value_heads", dim dimName: String = "head_dim") throws
    -> ModelLayer.Heads
  {
    let query = try count("num_attention_heads", limit: .heads)
    let kv = try optionalCount(kvName, .heads) ?? query
    guard query % kv == 0 else {
      throw contradiction(
        "`\(place)num_attention_heads` \(query) is no multiple of `\(place)\(kvName)` \(kv)")
    }
    if let dim = try optionalCount(dimName, .heads) { return .init(query: query, kv: kv, dim: dim) }
    let hidden = try hidden()
    guard hidden % query == 0, hidden / query <= Limit.heads.rawValue else {
      throw contradiction(
        "`\(place)hidden_size` \(hidden) does not divide into `\(place)num_attention_heads` "
          + "\(query), and `\(place)\(dimName)` is missing")
    }
    return .init(query: query, kv: kv, dim: hidden / query)
  }

  /// What each layer keeps of a sequence, as `layer_types` has it; `nil` where it is missing.
  func listedKinds(layers: Int) throws -> [KVGroupKind]? {
    guard let types = try layerTypes(layers: layers) else { return nil }
    return try types.map { type in
      switch type {
      case "full_attention", "attention", "global_attention": return .all
      case "sliding_attention", "sliding_window", "local_attention":
        return .window(tokens: try count("sliding_window", limit: .tokens))
      case "chunked_attention":
        return .chunk(tokens: try count("attention_chunk_size", limit: .tokens))
      default: throw unknownLayer(type, in: "layer_types")
      }
    }
  }

  /// What each layer keeps by `layer_types`, or a window in all but every `globalEvery`-th; all tokens without a window.
  func windowedKinds(globalEvery: Int) throws -> [KVGroupKind] {
    let layers = try layerCount()
    if let listed = try listedKinds(layers: layers) { return listed }
    guard let window = try optionalCount("sliding_window", .tokens) else {
      return Array(repeating: .all, count: layers)
    }
    return (0..<layers).map { ($0 + 1) % globalEvery == 0 ? .all : .window(tokens: window) }
  }

  /// `layer_types`, one for each layer; `nil` where it is missing. A longer list is that of a model
  /// whose last layers only predict further tokens.
  func layerTypes(_ name: String = "layer_types", layers: Int) throws -> [String]? {
    guard let types = try texts(name), !types.isEmpty else { return nil }
    guard types.count >= layers else {
      throw contradiction("`\(place)\(name)` has \(types.count) of \(layers) layers")
    }
    return Array(types.prefix(layers))
  }

  /// A list with 0 or 1 for each layer.
  func marks(_ name: String, layers: Int) throws -> [Bool] {
    guard let listed = try counts(name) else {
      throw contradiction("`\(place)\(name)` is missing")
    }
    guard listed.count >= layers else {
      throw contradiction("`\(place)\(name)` has \(listed.count) of \(layers) layers")
    }
    return listed.prefix(layers).map { $0 != 0 }
  }

  /// Whether layer `index` has experts by a list of the file, `mlp_layer_types` or `is_moe_layer`; `nil` without one.
  func listedRouting(_ index: Int) throws -> Bool? {
    let layers = try layerCount()
    if let types = try layerTypes("mlp_layer_types", layers: layers) {
      return types[index] == "sparse"
    }
    guard let marks = try flags("is_moe_layer") else { return nil }
    guard marks.count >= layers else {
      throw contradiction("`\(place)is_moe_layer` has \(marks.count) of \(layers) layers")
    }
    return marks[index]
  }

  /// Whether each layer attends to all tokens by `layer_types`, where the others are all of one kind; `nil` where the field is
  /// missing.
  func attendingLayers(_ layers: Int, besides other: String) throws -> [Bool]? {
    try layerTypes(layers: layers)?.map { type in
      guard type == "full_attention" || type == other else {
        throw unknownLayer(type, in: "layer_types")
      }
      return type != other
    }
  }

  func unknownLayer(_ type: String, in name: String) -> UserError {
    UserError(
      "\(file): `\(place)\(name)` names a kind of layer that is not known, `\(printable(type))`",
      hint: "choose a model of another architecture")
  }

  /// Routed experts with their number and width.
  ///
  /// - Parameters:
  ///   - shared: Width of what every token visits beside its routed experts, all of it.
  ///   - layer: Whose number it is where a field lists one for each.
  /// - Returns: The experts, and the part of the shared width that is no multiple of a routed one.
  func experts(
    _ numberName: String, width: Int, active activeName: String = "num_experts_per_tok",
    shared: Int = 0, layer: Int? = nil
  ) throws -> (experts: ModelLayer.Experts, sharedRest: Int) {
    func read(_ name: String) throws -> Int {
      let listed = try layer.flatMap { try optionalCount(name, .experts, ofLayer: $0) }
      return try listed ?? count(name, limit: .experts)
    }
    let (number, active) = (try read(numberName), try read(activeName))
    guard active <= number else {
      throw contradiction(
        "`\(place)\(activeName)` \(active) exceeds `\(place)\(numberName)` \(number)")
    }
    let widthMax = 1 << 26
    guard number * width <= widthMax, shared <= widthMax else {
      throw contradiction("\(number) experts of width \(width): no model has so many")
    }
    let experts = ModelLayer.Experts(
      experts: number, activeExperts: active, ffn: width, sharedExperts: shared / width)
    return (experts, shared % width)
  }

  /// A layer of routed experts with `matrices` matrices each.
  func mixtureLayer(
    _ attention: ModelLayer.Attention, _ read: (experts: ModelLayer.Experts, sharedRest: Int),
    matrices: Int = 3
  ) throws -> ModelLayer {
    var layer = ModelLayer(attention, .experts(read.experts))
    layer.mlpExtras = try matrices * hidden() * read.sharedRest
    return layer
  }
}
